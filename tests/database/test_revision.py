"""Promises of a release on a schema that is older or newer than its own."""

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from landfall.database import revision
from landfall.database.migrate import alembic_config, migrate
from landfall.database.opening import open_database
from landfall.settings import Settings, SettingsError
from tests.asynchronous import run


def stands_at(url: str, found: str, oldest: str | None = None) -> None:
    """Say that the database is at that revision, made for that one and later."""

    def work(connection: Connection) -> None:
        connection.execute(text("UPDATE alembic_version SET version_num = :found"), {"found": found})
        if oldest:
            connection.execute(text("UPDATE schema_support SET oldest = :oldest"), {"oldest": oldest})

    async def write() -> None:
        async with open_database(Settings(database_url=url)) as database:
            await database.write(work)

    run(write())


def require(url: str) -> None:
    async def look() -> None:
        async with open_database(Settings(database_url=url)) as database:
            await revision.require_head(database)

    run(look())


@pytest.fixture
def older_url(empty_url: str) -> str:
    migrate(Settings(database_url=empty_url), "0003")
    return empty_url


def test_the_schema_of_the_release_is_taken(database_url: str) -> None:
    require(database_url)


@pytest.mark.parametrize("oldest", ["0003", revision.HEAD])
def test_a_newer_schema_that_supports_the_release_is_taken(database_url: str, oldest: str) -> None:
    stands_at(database_url, "9999", oldest)
    require(database_url)


def test_migrating_leaves_a_newer_schema_that_supports_the_release_as_it_is(database_url: str) -> None:
    stands_at(database_url, "9999", revision.HEAD)
    migrate(Settings(database_url=database_url))
    require(database_url)


def test_migrating_refuses_a_newer_schema_that_does_not(database_url: str) -> None:
    stands_at(database_url, "9999", "9998")
    with pytest.raises(SettingsError, match=r"9999.*9998.*install the newer release"):
        migrate(Settings(database_url=database_url))


def test_a_newer_schema_that_does_not_is_refused_with_the_cure(database_url: str) -> None:
    stands_at(database_url, "9999", "9998")
    with pytest.raises(SettingsError, match=r"9999.*9998.*install the newer release"):
        require(database_url)


def test_a_schema_of_nobody_we_know_is_refused(older_url: str) -> None:
    stands_at(older_url, "ffff")
    with pytest.raises(SettingsError, match=r"ffff.*install the newer release"):
        require(older_url)


def test_an_older_schema_is_refused_with_the_cure(older_url: str) -> None:
    with pytest.raises(SettingsError, match=r"0003.*run `landfall migrate`"):
        require(older_url)


def test_revisions_can_be_compared(tmp_path: Path) -> None:
    script = ScriptDirectory.from_config(alembic_config(f"sqlite:///{tmp_path / 'none.db'}"))
    names = sorted(each.revision for each in script.walk_revisions())
    assert names == [f"{number:04}" for number in range(1, len(names) + 1)]
