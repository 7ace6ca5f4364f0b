"""Checks that the migrations make the tables that the code declares, there and back."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic import command
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from landfall.database import revision
from landfall.database.migrate import alembic_config, migrate
from landfall.database.sqlite import SqliteDatabase
from landfall.settings import Settings, SettingsError
from tests.asynchronous import run
from tests.database.databases import migrated
from tests.services.postgres import Postgres

_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def test_the_migrations_make_what_the_tables_declare(tmp_path: Path) -> None:
    path = migrated(tmp_path / "landfall.db")
    command.check(alembic_config(f"sqlite:///{path}"))


def test_the_migrations_can_be_undone(tmp_path: Path) -> None:
    path = migrated(tmp_path / "landfall.db")
    command.downgrade(alembic_config(f"sqlite:///{path}"), "base")
    engine = create_engine(f"sqlite:///{path}")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()


def test_a_migration_that_is_cut_short_leaves_nothing_and_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'landfall.db'}")
    migrate(settings, "0005")
    engine = create_engine(settings.database_url)

    def schema() -> list[str]:
        with engine.connect() as connection:
            return list(connection.execute(text("SELECT sql FROM sqlite_master ORDER BY name")).scalars())

    before = schema()
    with monkeypatch.context() as patch:
        # The last table that the newest revision makes.
        patch.setattr(Operations, "create_table", _failing_at("failure_hours", Operations.create_table))
        with pytest.raises(SystemError, match="cut short"):
            migrate(settings)
    assert schema() == before
    migrate(settings)
    assert schema() != before
    engine.dispose()


def _failing_at(last: str, make: Callable[..., Any]) -> Callable[..., Any]:
    def create_table(operations: Operations, name: str, *columns: Any, **more: Any) -> Any:
        if name == last:
            raise SystemError("cut short")
        return make(operations, name, *columns, **more)

    return create_table


def test_a_migration_is_tried_again_where_one_who_goes_on_working_stands_in_its_way(postgres: Postgres) -> None:
    settings = Settings(database_url=postgres.new_database())
    migrate(settings, "0005")

    async def scenario() -> None:
        worker, watcher = [await asyncpg.connect(settings.database_url) for _ in range(2)]
        with suppress(asyncpg.DeadlockDetectedError):
            async with worker.transaction():
                await worker.execute("SELECT FROM exports")
                migrating = asyncio.create_task(asyncio.to_thread(migrate, settings))
                while not await watcher.fetchval(_WAITING):  # noqa: ASYNC110 - another session's state makes no event
                    await asyncio.sleep(0.01)
                # The migration has this one: they wait for each other until the server ends the one or the other.
                await worker.execute("SELECT FROM accounts")
        await migrating
        assert await watcher.fetchval("SELECT version_num FROM alembic_version") == revision.HEAD
        await worker.close()
        await watcher.close()

    run(scenario())
    postgres.drop(settings.database_url)


def test_the_release_asks_for_the_newest_revision() -> None:
    script = ScriptDirectory.from_config(alembic_config("sqlite://"))
    assert script.get_current_head() == revision.HEAD


def test_a_database_without_tables_is_named_with_its_cure(tmp_path: Path) -> None:
    async def look() -> None:
        async with SqliteDatabase(f"sqlite:///{tmp_path / 'empty.db'}", durable=False) as database:
            with pytest.raises(SettingsError, match="run `landfall migrate`"):
                await revision.require_head(database)

    run(look())


def test_a_migrated_database_is_taken(tmp_path: Path) -> None:
    path = migrated(tmp_path / "landfall.db")

    async def look() -> None:
        async with SqliteDatabase(f"sqlite:///{path}", durable=False) as database:
            await revision.require_head(database)

    run(look())


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "nonsense"])
def test_another_database_is_refused_in_one_sentence(url: str) -> None:
    with pytest.raises(SettingsError, match="database_url: "):
        SqliteDatabase(url, durable=False)
