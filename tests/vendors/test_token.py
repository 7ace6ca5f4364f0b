"""Promises of the shared access token."""

import asyncio
from collections.abc import Callable

import pytest
from pydantic import SecretStr

from landfall.exports.errors import CredentialsRefused, Throttled, VendorUnavailable
from landfall.vendors.buy_with_prime.token import AccessToken, TokenKeeper


class Desk:
    """Hands out tokens of 100 s; may be told to fail, and stands at a clock that tests move."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.asked = 0
        self.failure: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def fetch(self) -> AccessToken:
        self.asked += 1
        await self.open.wait()
        if self.failure:
            raise self.failure
        return AccessToken(SecretStr(f"token-{self.asked}"), 100.0)

    def keeper(self) -> TokenKeeper:
        return TokenKeeper(self.fetch, lambda: self.time)


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
    desk.failure = Throttled("slow down", delay=8.0)
    assert [await keeper.current() for _ in range(5)] == [old] * 5
    assert desk.asked == 2
    desk.time += 11
    with pytest.raises(Throttled):
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
    keeper.drop(refused)
    fresh = await keeper.current()
    keeper.drop(refused)
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
