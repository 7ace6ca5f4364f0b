"""Promises of what clients share: in Redis, in memory, and while Redis is away."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from landfall.transport.embedded import EmbeddedRedis
from landfall.transport.shared_cache import RedisCache
from landfall.vendors import cache as cache_module
from landfall.vendors.cache import Cache, MemoryCache, SharedCache


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    embedded = EmbeddedRedis(tmp_path_factory.mktemp("cache") / "home")
    embedded.ensure()
    yield embedded
    embedded.stop()


@asynccontextmanager
async def opened(kind: str, server: EmbeddedRedis) -> AsyncIterator[SharedCache]:
    """An empty cache of this kind."""
    async with Redis.from_url(server.url) as redis:
        await redis.flushall()
        kinds: dict[str, SharedCache] = {
            "redis": RedisCache(redis),
            "memory": MemoryCache(),
            "redis with memory": Cache(RedisCache(redis)),
        }
        yield kinds[kind]


every_kind = pytest.mark.parametrize("kind", ["redis", "memory", "redis with memory"])


@every_kind
async def test_a_value_is_read_with_the_time_that_it_has_left(kind: str, server: EmbeddedRedis) -> None:
    async with opened(kind, server) as cache:
        assert await cache.read("key") is None
        await cache.write("key", "wörd", 60.0)
        found = await cache.read("key")
        assert found
        assert found[0] == "wörd"
        assert 0 < found[1] <= 60
        await cache.write("key", "another", 60.0)
        found = await cache.read("key")
        assert found
        assert found[0] == "another"


@every_kind
async def test_a_value_is_gone_when_its_time_is_over(kind: str, server: EmbeddedRedis) -> None:
    async with opened(kind, server) as cache:
        await cache.write("key", "value", 0.02)
        while await cache.read("key"):
            pass
        assert await cache.claim("key", "next", 60.0)


@every_kind
async def test_of_many_who_claim_one_gets_it(kind: str, server: EmbeddedRedis) -> None:
    async with opened(kind, server) as cache:
        claims = await asyncio.gather(*(cache.claim("key", f"claim-{number}", 60.0) for number in range(20)))
        assert claims.count(True) == 1
        found = await cache.read("key")
        assert found
        assert found[0] == f"claim-{claims.index(True)}"


@every_kind
async def test_only_the_value_that_is_named_is_removed(kind: str, server: EmbeddedRedis) -> None:
    async with opened(kind, server) as cache:
        await cache.write("key", "mine", 60.0)
        await cache.remove("key", "yours")
        assert await cache.read("key")
        await cache.remove("key", "mine")
        assert await cache.read("key") is None
        await cache.remove("key", "mine")


class Switched(MemoryCache):
    """A shared cache that can be switched off, and counts who comes."""

    def __init__(self) -> None:
        super().__init__()
        self.off = False
        self.asked = 0

    async def read(self, key: str) -> tuple[str, float] | None:
        self.asked += 1
        if self.off:
            raise ConnectionError
        return await super().read(key)


class Log:
    """Keeps what is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def warning(self, event: str, **_fields: str) -> None:
        self.told.append(event)

    info = warning


async def test_an_absence_is_told_once_and_so_is_the_return(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log()
    monkeypatch.setattr(cache_module, "_log", log)
    time = 100.0
    shared = Switched()
    cache = Cache(shared, lambda: time)
    shared.off = True
    for _ in range(10):
        await cache.read("key")
        time += 2
    assert log.told == ["the shared cache is away; this process keeps its own"]
    shared.off = False
    time += 6
    for _ in range(3):
        await cache.read("key")
    assert log.told[1:] == ["the shared cache is back"]


async def test_a_shared_cache_that_failed_is_left_alone_for_a_while() -> None:
    time = 100.0
    shared = Switched()
    cache = Cache(shared, lambda: time)
    shared.off = True
    await asyncio.gather(*(cache.read("key") for _ in range(3)))
    asked = shared.asked
    for _ in range(10):
        await cache.read("key")
    assert shared.asked == asked
    time += 6
    await asyncio.gather(*(cache.read("key") for _ in range(10)))
    assert shared.asked == asked + 1


async def test_what_was_removed_does_not_come_back_from_the_memory() -> None:
    time = 100.0
    shared = Switched()
    cache = Cache(shared, lambda: time)
    shared.off = True
    await cache.read("key")
    await cache.write("key", "value", 900.0)
    shared.off = False
    time += 6
    await cache.read("key")
    await cache.remove("key", "value")
    shared.off = True
    assert await cache.read("key") is None


async def test_the_memory_stands_in_while_redis_is_away(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path / "home")
    server.ensure()
    async with Redis.from_url(server.url) as redis:
        cache = Cache(RedisCache(redis))
        assert await cache.claim("key", "before", 60.0)
        server.stop()
        assert await cache.claim("key", "after", 60.0)
        assert not await cache.claim("key", "again", 60.0)
        await cache.remove("key", "after")
        assert await cache.read("key") is None
