"""Promises of the shared access token."""

import asyncio
from collections.abc import Callable

import pytest
from pydantic import SecretStr

from landfall.exports.errors import CredentialsRefused, RateLimited, VendorUnavailable, VendorUnreachable
from landfall.vendors.buy_with_prime.access_token import AccessToken
from landfall.vendors.buy_with_prime.token import TokenKeeper
from landfall.vendors.buy_with_prime.token_shelf import TokenShelf
from landfall.vendors.cache import Cache, MemoryCache

ADDRESS = "https://desk.example"


class WatchedCache(MemoryCache):
    """Counts the callers that came while another one had claimed."""

    turned_away = 0

    async def claim(self, key: str, value: str, seconds: float) -> bool:
        claimed = await super().claim(key, value, seconds)
        self.turned_away += not claimed
        return claimed


class Desk:
    """Hands out tokens of 100 s; may be told to fail, and stands at a clock that tests move.

    Its keepers share one cache, as those of several workers do.
    """

    def __init__(self) -> None:
        self.time = 1000.0
        self.asked = 0
        self.failure: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()
        self.shared = WatchedCache(lambda: self.time)
        self.cache = Cache(self.shared, lambda: self.time)

    async def fetch(self) -> AccessToken:
        self.asked += 1
        await self.open.wait()
        if self.failure:
            raise self.failure
        return AccessToken(SecretStr(f"token-{self.asked}"), 100.0)

    def shelf(self, client_id: str = "client-1", target_id: str = "target-1") -> TokenShelf:
        return TokenShelf(self.cache, ADDRESS, SecretStr(client_id), SecretStr(target_id))

    def keeper(self, **account: str) -> TokenKeeper:
        return TokenKeeper(self.fetch, self.shelf(**account), patience=30.0, rest=5.0, clock=lambda: self.time)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - yields to the loop; there is no event to wait for
        await asyncio.sleep(0)


async def test_one_token_serves_until_eighty_per_cent_of_its_life() -> None:
    desk = Desk()
    keeper = desk.keeper()
    first = await keeper.current()
    desk.time += 79
    assert await keeper.current() == first
    desk.time += 2
    assert await keeper.current() != first
    assert desk.asked == 2


async def test_many_callers_make_one_token_request() -> None:
    desk = Desk()
    keeper = desk.keeper()
    tokens = await asyncio.gather(*(keeper.current() for _ in range(50)))
    assert len({token.get_secret_value() for token in tokens}) == 1
    assert desk.asked == 1


async def test_nobody_waits_for_a_refresh_while_the_old_token_lives() -> None:
    desk = Desk()
    keeper = desk.keeper()
    old = await keeper.current()
    desk.time += 85
    desk.open.clear()
    refreshing = asyncio.create_task(keeper.current())
    await until(lambda: desk.asked == 2)
    assert await keeper.current() == old
    desk.open.set()
    assert await refreshing != old


async def test_a_failed_refresh_is_no_harm_while_the_old_token_lives_and_is_not_repeated_at_once() -> None:
    desk = Desk()
    keeper = desk.keeper()
    old = await keeper.current()
    desk.time += 85
    desk.failure = RateLimited("slow down", delay=8.0)
    assert [await keeper.current() for _ in range(5)] == [old] * 5
    assert desk.asked == 2
    desk.time += 11
    with pytest.raises(RateLimited):
        await keeper.current()


async def test_refused_credentials_are_told_even_while_the_old_token_lives() -> None:
    desk = Desk()
    keeper = desk.keeper()
    await keeper.current()
    desk.time += 85
    desk.failure = CredentialsRefused("no")
    with pytest.raises(CredentialsRefused):
        await keeper.current()


async def test_a_refused_token_is_dropped_but_never_its_successor() -> None:
    desk = Desk()
    keeper = desk.keeper()
    refused = await keeper.current()
    await keeper.drop(refused)
    fresh = await keeper.current()
    await keeper.drop(refused)
    assert await keeper.current() == fresh
    assert desk.asked == 2


async def test_a_caller_that_is_cancelled_leaves_the_next_one_free_to_fetch() -> None:
    desk = Desk()
    keeper = desk.keeper()
    desk.open.clear()
    first = asyncio.create_task(keeper.current())
    await until(lambda: desk.asked == 1)
    second = asyncio.create_task(keeper.current())
    first.cancel()
    desk.open.set()
    assert (await second).get_secret_value() == "token-2"


async def test_a_failure_with_no_old_token_is_raised_to_every_caller() -> None:
    desk = Desk()
    desk.failure = VendorUnavailable("down")
    keeper = desk.keeper()
    results = await asyncio.gather(*(keeper.current() for _ in range(3)), return_exceptions=True)
    assert all(isinstance(result, VendorUnavailable) for result in results)
    assert desk.asked == 1


async def test_the_callers_of_several_workers_share_one_token() -> None:
    desk = Desk()
    tokens = await asyncio.gather(*(desk.keeper().current() for _ in range(10)))
    assert len({token.get_secret_value() for token in tokens}) == 1
    assert desk.asked == 1


async def test_accounts_of_another_client_or_target_have_a_token_of_their_own() -> None:
    desk = Desk()
    first = await desk.keeper().current()
    assert await desk.keeper(client_id="client-2").current() != first
    assert await desk.keeper(target_id="target-2").current() != first


async def test_a_worker_that_comes_later_refreshes_when_the_first_would_have() -> None:
    desk = Desk()
    await desk.keeper().current()
    desk.time += 60
    late = desk.keeper()
    old = await late.current()
    desk.time += 19
    assert await late.current() == old
    desk.time += 2
    assert await late.current() != old


async def test_other_workers_go_on_with_the_old_token_while_one_refreshes() -> None:
    desk = Desk()
    one, other, newcomer = desk.keeper(), desk.keeper(), desk.keeper()
    old = await one.current()
    assert await other.current() == old
    desk.time += 85
    desk.open.clear()
    refreshing = asyncio.create_task(one.current())
    await until(lambda: desk.asked == 2)
    assert [await other.current(), await newcomer.current()] == [old, old]
    desk.open.set()
    new = await refreshing
    desk.time += 1
    assert [await other.current(), await newcomer.current()] == [new, new]
    assert desk.asked == 2


async def test_a_failure_rests_for_the_callers_of_all_workers_until_its_time_is_over() -> None:
    desk = Desk()
    desk.failure = RateLimited("planted words of the vendor", delay=8.0)
    with pytest.raises(RateLimited, match="planted words"):
        await desk.keeper().current()
    desk.time += 3
    for _ in range(5):
        with pytest.raises(RateLimited) as raised:
            await desk.keeper().current()
        assert raised.value.delay == 5.0
        assert "planted" not in str(raised.value)
    assert desk.asked == 1
    desk.time += 6
    desk.failure = None
    assert await desk.keeper().current()


async def test_a_failure_that_names_no_wait_still_keeps_its_own_caller_from_coming_back_at_once() -> None:
    desk = Desk()
    desk.failure = VendorUnavailable("down")
    with pytest.raises(VendorUnavailable) as raised:
        await desk.keeper().current()
    assert raised.value.delay == 5.0


async def test_a_refusal_is_told_to_those_who_waited_and_to_its_own_worker_but_not_to_who_comes_later() -> None:
    desk = Desk()
    desk.open.clear()
    asking, waiting, later = (desk.keeper() for _ in range(3))
    tasks = [asyncio.create_task(asking.current())]
    await until(lambda: desk.asked == 1)
    tasks.append(asyncio.create_task(waiting.current()))
    desk.failure = CredentialsRefused("no")
    await until(lambda: desk.shared.turned_away > 0)
    desk.open.set()
    results = await asyncio.gather(*tasks, asking.current(), return_exceptions=True)
    assert [type(result) for result in results] == [CredentialsRefused] * 3
    assert desk.asked == 1
    desk.failure = None
    assert await later.current()


async def test_a_worker_that_died_while_it_asked_holds_up_the_others_for_ten_seconds_at_most() -> None:
    desk = Desk()
    assert await desk.shelf().claim(10.0)
    waiting = asyncio.create_task(desk.keeper().current())
    await until(lambda: desk.shared.turned_away > 0)
    assert desk.asked == 0
    desk.time += 10.1
    assert await waiting


async def test_who_waits_too_long_for_another_worker_has_started_nothing() -> None:
    desk = Desk()
    assert await desk.shelf().claim(1000.0)
    waiting = asyncio.create_task(desk.keeper().current())
    await until(lambda: desk.shared.turned_away > 0)
    desk.time += 31
    with pytest.raises(VendorUnreachable, match="no answer yet"):
        await waiting


async def test_a_refused_token_is_dropped_for_all_workers() -> None:
    desk = Desk()
    one, other = desk.keeper(), desk.keeper()
    refused = await one.current()
    assert await other.current() == refused
    await one.drop(refused)
    fresh = await desk.keeper().current()
    assert fresh != refused
    await other.drop(refused)
    assert await other.current() == fresh
    assert desk.asked == 2


async def test_a_refused_token_that_comes_back_to_the_shelf_is_not_taken_again() -> None:
    desk = Desk()
    keeper = desk.keeper()
    refused = await keeper.current()
    await keeper.drop(refused)
    await desk.shelf().put(AccessToken(refused, 100.0))
    assert await keeper.current() != refused


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", '{"token": 7, "life": 9}', '{"token": "a\\nb", "life": 9}', '{"token": "a", "life": NaN}'],
)
async def test_what_is_no_token_of_ours_is_as_good_as_none(content: str) -> None:
    desk = Desk()
    shelf = desk.shelf()
    await desk.cache.write(shelf._token, content, 90.0)
    assert (await desk.keeper().current()).get_secret_value() == "token-1"


def test_the_place_of_a_token_shows_neither_address_nor_client() -> None:
    shelf = Desk().shelf(client_id="planted-client", target_id="planted-target")
    assert "planted" not in f"{vars(shelf)}"
    assert ADDRESS not in f"{vars(shelf)}"
