"""Promises of the values that workers share in Redis; those that every cache keeps are in tests/vendors/test_cache.py."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.asyncio import Redis

from landfall.transport.embedded import EmbeddedRedis
from landfall.transport.shared_cache import RedisCache
from tests.asynchronous import run

CALLS: dict[str, Callable[[RedisCache], Awaitable[Any]]] = {
    "read": lambda cache: cache.read("key"),
    "write": lambda cache: cache.write("key", "planted-value", 60.0),
    "claim": lambda cache: cache.claim("key", "planted-value", 60.0),
    "remove": lambda cache: cache.remove("key", "planted-value"),
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    embedded = EmbeddedRedis(tmp_path / "home")
    embedded.ensure()
    yield embedded
    embedded.stop()


async def ask(url: str, *calls: str) -> None:
    async with Redis.from_url(url) as client:
        cache = RedisCache(client)
        for call in calls:
            await CALLS[call](cache)


def test_every_key_has_landfall_s_prefix_and_an_expiry(server: EmbeddedRedis) -> None:
    run(ask(server.url, "write"))
    with redis.Redis.from_url(server.url) as client:
        assert client.keys() == [b"landfall:shared:key"]
        assert 0 < client.pttl("landfall:shared:key") <= 60_000


def test_a_value_without_an_expiry_is_none_of_ours(server: EmbeddedRedis) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.set("landfall:shared:key", "planted")

    async def look() -> tuple[str, float] | None:
        async with Redis.from_url(server.url) as client:
            return await RedisCache(client).read("key")

    assert run(look()) is None


def test_its_commands_are_those_of_redis_6_2(server: EmbeddedRedis) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.config_resetstat()
        run(ask(server.url, *CALLS))
        used = {name.removeprefix("cmdstat_").partition("|")[0] for name in client.info("commandstats")}
    ours = {"get", "pttl", "set", "del", "multi", "exec", "evalsha", "script"}
    assert used - {"config", "client", "info", "hello"} <= ours


@pytest.mark.parametrize("call", CALLS)
def test_a_redis_that_is_away_is_an_os_error_without_the_value(tmp_path: Path, call: str) -> None:
    with pytest.raises(OSError, match=r"^ConnectionError$"):
        run(ask(EmbeddedRedis(tmp_path / "nobody").url, call))


@pytest.mark.parametrize("call", CALLS)
def test_a_redis_that_refuses_is_an_os_error_without_the_value(server: EmbeddedRedis, call: str) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.acl_setuser("narrow", enabled=True, passwords=["+planted-password"], commands=["+ping"])
    narrow = server.url.replace("unix://", "unix://narrow:planted-password@")
    with pytest.raises(OSError, match=r"^NoPermissionError$"):
        run(ask(narrow, call))


def test_a_redis_that_is_full_is_an_os_error(server: EmbeddedRedis) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.config_set("maxmemory", "1")
        with pytest.raises(OSError, match=r"^OutOfMemoryError$"):
            run(ask(server.url, "write"))
