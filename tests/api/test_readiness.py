"""Promises of /readyz: what is missing is told, and only what keeps exports from being accepted makes it a 503."""

import asyncio
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from redis.asyncio import Redis

from api.readiness import Readying
from api.schemas.health import Readiness
from landfall.database.opening import open_database
from landfall.database.workers import Report, report
from landfall.settings import Settings
from landfall.storage.disk import DiskStore
from landfall.storage.store import open_store
from tests.asynchronous import run
from tests.database.databases import migrated
from tests.services.redis_server import RedisServer, running_redis
from tests.stack import Stack

SECRET = "PlantedPassword"
SILENT = "no answer within 0.3 s"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    migrated(tmp_path / "landfall.db")
    return Settings(home=tmp_path)


async def _look(settings: Settings, redis: str, *, worker: bool = True) -> Readiness:
    client = Redis.from_url(redis, socket_timeout=60, socket_connect_timeout=60)
    store = open_store(settings.storage_url, hasty=True)
    async with open_database(settings) as database, client:
        if worker:
            await database.write(lambda connection: report(connection, Report("host:1:a", "1", 3, "")))
        return await Readying(database, client, store, reserve_bytes=settings.storage_reserve_bytes).get()


def missing(found: Readiness) -> set[str]:
    return {part for part, check in found.checks.items() if not check.ok}


def test_an_api_without_a_worker_takes_exports_and_says_what_is_missing(api: Stack) -> None:
    answer = api.get("/readyz", headers={"authorization": ""})
    assert answer.status_code == 200
    found = Readiness.model_validate(answer.json())
    assert (found.status, missing(found)) == ("degraded", {"workers"})
    assert "landfall worker" in found.checks["workers"].detail
    assert list(answer.json()["checks"]) == ["database", "schema", "redis", "store", "workers"]


def test_nothing_is_missing_where_everything_answers(settings: Settings, tmp_path: Path) -> None:
    with running_redis(tmp_path / "redis") as server:
        found = run(_look(settings, server.url))
    assert (found.status, missing(found)) == ("ready", set())
    assert found.checks["workers"].detail == "1 alive, 3 steps running"


def test_without_redis_exports_are_accepted_all_the_same(settings: Settings, tmp_path: Path) -> None:
    with running_redis(tmp_path / "redis") as server:
        server.kill()
        found = run(_look(settings, f"redis://:{SECRET}@127.0.0.1:{server.port}/0"))
    assert (found.status, missing(found)) == ("degraded", {"redis"})
    assert SECRET not in found.model_dump_json()


def test_a_store_that_is_out_of_reach_is_told(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with socket.socket() as probe, running_redis(tmp_path / "redis") as server:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{probe.getsockname()[1]}")
        found = run(_look(settings.model_copy(update={"storage_url": "s3://bucket-one/prefix"}), server.url))
    assert (found.status, missing(found)) == ("degraded", {"store"})
    assert "LANDFALL_STORAGE_URL" in found.checks["store"].detail
    for secret in (SECRET, "127.0.0.1", "bucket-one"):
        assert secret not in found.model_dump_json()


def test_a_disk_without_room_is_told(settings: Settings, tmp_path: Path) -> None:
    greedy = settings.model_copy(update={"storage_reserve_bytes": 1 << 60})
    with running_redis(tmp_path / "redis") as server:
        found = run(_look(greedy, server.url))
    assert (found.status, missing(found)) == ("degraded", {"store"})
    assert "LANDFALL_STORAGE_RESERVE_BYTES" in found.checks["store"].detail


def test_without_a_database_no_export_is_accepted(tmp_path: Path) -> None:
    away = Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path}/nowhere/landfall.db")
    with running_redis(tmp_path / "redis") as server:
        found = run(_look(away, server.url, worker=False))
    assert (found.status, missing(found)) == ("unavailable", {"database", "schema", "workers"})
    assert str(tmp_path) not in found.model_dump_json()


def test_without_a_postgres_no_export_is_accepted_and_its_password_is_not_told(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        away = Settings(
            home=tmp_path, database_url=f"postgresql://landfall:{SECRET}@127.0.0.1:{probe.getsockname()[1]}/x"
        )
        with running_redis(tmp_path / "redis") as server:
            found = run(_look(away, server.url, worker=False))
    assert (found.status, missing(found)) == ("unavailable", {"database", "schema", "workers"})
    assert SECRET not in found.model_dump_json()
    assert "127.0.0.1" not in found.model_dump_json()


def test_an_old_schema_names_its_cure(settings: Settings, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "landfall.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '0001'")
    with running_redis(tmp_path / "redis") as server:
        found = run(_look(settings, server.url))
    assert (found.status, missing(found)) == ("unavailable", {"schema"})
    assert "landfall migrate" in found.checks["schema"].detail


def test_a_part_that_is_silent_is_waited_for_once_and_not_for_long(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.readiness.LONGEST_SECONDS", 0.3)

    async def look() -> None:
        callers = 0
        ended = asyncio.Event()

        async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal callers
            callers += 1
            await ended.wait()
            writer.close()

        server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, open_database(settings) as database:
            client = Redis(host="127.0.0.1", port=port, socket_timeout=60)
            readying = Readying(database, client, DiskStore(tmp_path / "files"), reserve_bytes=0)
            first = await readying.get()
            assert first.checks["redis"].detail == SILENT
            assert missing(first) == {"redis", "workers"}
            while (again := await readying.get()) is first:  # noqa: ASYNC110 - only asking again tells
                await asyncio.sleep(0.01)
            assert again.checks["redis"].detail == SILENT
            assert callers == 1
            ended.set()
            while (await readying.get()).checks["redis"].detail == SILENT:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
            await client.aclose()

    run(look())


def test_a_redis_that_comes_back_is_noticed(settings: Settings, tmp_path: Path) -> None:
    async def look(server: RedisServer) -> None:
        async with open_database(settings) as database, Redis.from_url(server.url) as client:
            readying = Readying(database, client, DiskStore(tmp_path / "files"), reserve_bytes=0)
            server.kill()
            assert "redis" in missing(await readying.get())
            await asyncio.to_thread(server.start)
            while "redis" in missing(await readying.get()):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)

    with running_redis(tmp_path / "redis") as server:
        run(look(server))
