"""Promises of the one access token that all workers share, kept by a real Redis and the sandbox."""

from collections import Counter
from collections.abc import Iterator

import pytest
import redis

from landfall.settings import SecretRef
from landfall.transport.embedded import EmbeddedRedis
from landfall.vendors.buy_with_prime.account import BuyWithPrimeAccount
from landfall.vendors.clients import connect
from landfall.vendors.shared import Shared
from tests.exports.jobs import make_job
from tests.vendors.accounts import CLIENT_ID, CLIENT_SECRET, buy_with_prime
from tests.vendors.sandbox_process import Sandbox, run_sandbox
from tests.vendors.workers import call, crowd, outcome, outcomes, processes, shared_cache, told


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    embedded = EmbeddedRedis(tmp_path_factory.mktemp("token") / "home")
    embedded.ensure()
    yield embedded
    embedded.stop()


@pytest.fixture
def shelf(server: EmbeddedRedis) -> EmbeddedRedis:
    """The Redis, empty and alive, whatever the test before did to it."""
    server.ensure()
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
    return server


def kept(server: EmbeddedRedis) -> dict[str, tuple[bytes, int]]:
    """Values and milliseconds left, by the last part of their keys."""
    with redis.Redis.from_url(server.url) as client:
        keys = client.keys("landfall:shared:*")
        return {key.decode().rsplit(":", 1)[1]: (client.get(key), client.pttl(key)) for key in keys}


async def test_twenty_workers_at_once_make_one_token_request(sandbox: Sandbox, shelf: EmbeddedRedis) -> None:
    async with crowd(sandbox.buy_with_prime, shelf.url, 20) as clients:
        assert await outcomes(clients) == {"served": 20}
    assert sandbox.stats()["tokens"] == 1


async def test_several_processes_make_one_token_request(sandbox: Sandbox, shelf: EmbeddedRedis) -> None:
    with processes(sandbox.buy_with_prime, shelf.url, count=2, clients=10) as started:
        for process in started:
            call(process)
        assert [told(process) for process in started] == [Counter(served=10)] * 2
    assert sandbox.stats()["tokens"] == 1


async def test_a_worker_that_starts_later_finds_the_token(sandbox: Sandbox, shelf: EmbeddedRedis) -> None:
    for _ in range(3):
        async with crowd(sandbox.buy_with_prime, shelf.url, 1) as (client,):
            assert await outcome(client) == "served"
    assert sandbox.stats()["tokens"] == 1


async def test_accounts_of_another_client_do_not_share_it(sandbox: Sandbox, shelf: EmbeddedRedis) -> None:
    async with shared_cache(shelf.url) as cache:
        for client_id in ("sandbox-one", "sandbox-two"):
            async with buy_with_prime(sandbox.buy_with_prime, client_id=client_id, cache=cache) as client:
                assert await outcome(client) == "served"
    assert sandbox.stats()["tokens"] == 2


async def test_an_account_is_connected_with_the_cache_that_it_shares(
    sandbox: Sandbox, shelf: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRIME_SECRET", CLIENT_SECRET)
    account = BuyWithPrimeAccount(
        vendor="buy_with_prime",
        base_url=sandbox.buy_with_prime,
        client_id=CLIENT_ID,
        client_secret=SecretRef(env="PRIME_SECRET"),
        target_id="target-1",
    )
    async with shared_cache(shelf.url) as cache:
        clients = [connect(name, account, Shared(cache=cache)) for name in ("one", "two")]
        for client in clients:
            assert (await client.start(make_job())).report_id
            await client.aclose()
    assert sandbox.stats()["tokens"] == 1


@pytest.mark.slow
async def test_at_eighty_per_cent_of_its_life_one_of_twenty_refreshes_and_the_others_go_on(
    shelf: EmbeddedRedis,
) -> None:
    with run_sandbox("--token-seconds", "3") as sandbox:
        async with crowd(sandbox.buy_with_prime, shelf.url, 20) as clients:
            assert await outcomes(clients) == {"served": 20}
            sandbox.fault("slow_answer", operation="token", seconds=0.2)
            while sandbox.stats()["tokens"] < 2:
                assert await outcomes(clients) == {"served": 20}
            # The answer is on its way; the old token serves until it comes.
            assert await outcomes(clients) == {"served": 20}
            assert sandbox.stats()["tokens"] == 2


async def test_the_token_lies_in_redis_no_longer_than_it_lives(shelf: EmbeddedRedis) -> None:
    with run_sandbox("--token-seconds", "40") as sandbox:
        async with crowd(sandbox.buy_with_prime, shelf.url, 1) as (client,):
            assert await outcome(client) == "served"
    found = kept(shelf)
    assert set(found) == {"token"}
    assert 0 < found["token"][1] <= 0.95 * 40_000


async def test_a_failing_token_endpoint_is_asked_once_by_twenty_workers_until_the_rest_is_over(
    sandbox: Sandbox, shelf: EmbeddedRedis
) -> None:
    sandbox.fault("token_error", count=1000)
    async with crowd(sandbox.buy_with_prime, shelf.url, 20) as clients:
        assert await outcomes(clients) == {"VendorUnavailable": 20}
        assert await outcomes(clients) == {"VendorUnavailable": 20}
    assert sandbox.stats()["faults"] == {"token_error": 1}
    assert set(kept(shelf)) == {"failure"}


async def test_processes_share_the_failure_too(sandbox: Sandbox, shelf: EmbeddedRedis) -> None:
    sandbox.fault("token_error", count=1000)
    with processes(sandbox.buy_with_prime, shelf.url, count=2, clients=10) as started:
        for process in started:
            call(process)
        assert [told(process) for process in started] == [Counter(VendorUnavailable=10)] * 2
    assert sandbox.stats()["faults"] == {"token_error": 1}


async def test_when_the_rest_is_over_one_asks_again_and_all_are_served(sandbox: Sandbox, shelf: EmbeddedRedis) -> None:
    sandbox.fault("token_error")
    async with crowd(sandbox.buy_with_prime, shelf.url, 20) as clients:
        assert await outcomes(clients) == {"VendorUnavailable": 20}
        with redis.Redis.from_url(shelf.url) as client:
            (failure,) = client.keys("*:failure")
            client.pexpire(failure, 1)
        assert await outcomes(clients) == {"served": 20}
    assert sandbox.stats()["tokens"] == 1


async def test_what_is_remembered_of_a_failure_holds_no_secret(sandbox: Sandbox, shelf: EmbeddedRedis) -> None:
    async with (
        shared_cache(shelf.url) as cache,
        buy_with_prime(sandbox.buy_with_prime, secret="planted-wrong-secret", cache=cache) as client,
    ):
        assert await outcome(client) == "CredentialsRefused"
    with redis.Redis.from_url(shelf.url) as client_of_redis:
        stored = repr([(key, client_of_redis.get(key)) for key in client_of_redis.keys("*")])
    assert "CredentialsRefused" in stored
    for secret in ("planted", CLIENT_ID, "target-1", sandbox.buy_with_prime):
        assert secret not in stored


async def test_a_token_that_the_vendor_refuses_is_replaced_once_for_all_workers(
    sandbox: Sandbox, shelf: EmbeddedRedis
) -> None:
    async with crowd(sandbox.buy_with_prime, shelf.url, 20) as clients:
        assert await outcomes(clients) == {"served": 20}
        sandbox.fault("unauthorized", operation="poll")
        assert await outcomes(clients) == {"served": 20}
    assert sandbox.stats()["tokens"] == 2


async def test_a_redis_that_goes_away_fails_no_call(sandbox: Sandbox, shelf: EmbeddedRedis) -> None:
    async with (
        shared_cache(shelf.url) as cache,
        buy_with_prime(sandbox.buy_with_prime, cache=cache) as early,
        buy_with_prime(sandbox.buy_with_prime, cache=cache) as late,
        buy_with_prime(sandbox.buy_with_prime, cache=cache) as later,
    ):
        assert await outcome(early) == "served"
        shelf.stop()
        assert await outcomes([early, late, later]) == {"served": 3}
        sandbox.fault("unauthorized", operation="poll")
        assert await outcomes([late, later]) == {"served": 2}
    # Before it went, after it went, and for the token that was refused.
    assert sandbox.stats()["tokens"] == 3


async def test_a_redis_that_forgets_everything_costs_no_call(sandbox: Sandbox, shelf: EmbeddedRedis) -> None:
    async with crowd(sandbox.buy_with_prime, shelf.url, 5) as clients:
        assert await outcomes(clients) == {"served": 5}
        with redis.Redis.from_url(shelf.url) as client:
            client.flushall()
        assert await outcomes(clients) == {"served": 5}
    assert sandbox.stats()["tokens"] == 1


async def test_a_worker_that_dies_while_it_asks_holds_nobody_up_for_long(
    sandbox: Sandbox, shelf: EmbeddedRedis
) -> None:
    sandbox.fault("slow_answer", operation="token", seconds=60)
    with processes(sandbox.buy_with_prime, shelf.url, count=1, clients=1) as (victim,):
        call(victim)
        while "lock" not in kept(shelf) or not sandbox.stats()["tokens"]:
            pass
        victim.kill()
        victim.wait()
    assert 0 < kept(shelf)["lock"][1] <= 10_000
    with redis.Redis.from_url(shelf.url) as client:
        (lock,) = client.keys("*:lock")
        client.pexpire(lock, 200)
    async with crowd(sandbox.buy_with_prime, shelf.url, 5) as clients:
        assert await outcomes(clients) == {"served": 5}
    assert sandbox.stats()["tokens"] == 2
