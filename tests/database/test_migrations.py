"""Checks that the migrations make the tables that the code declares, there and back."""

from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect

from landfall.database import revision
from landfall.database.migrate import alembic_config
from landfall.database.sqlite import SqliteDatabase
from landfall.settings import SettingsError
from tests.asynchronous import run
from tests.database.databases import migrated


def test_the_migrations_make_what_the_tables_declare(tmp_path: Path) -> None:
    path = migrated(tmp_path / "landfall.db")
    command.check(alembic_config(f"sqlite:///{path}"))


def test_the_migrations_can_be_undone(tmp_path: Path) -> None:
    path = migrated(tmp_path / "landfall.db")
    command.downgrade(alembic_config(f"sqlite:///{path}"), "base")
    engine = create_engine(f"sqlite:///{path}")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()


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
