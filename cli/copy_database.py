"""Moves a Landfall that has outgrown SQLite to Postgres: copies its database and proves the copy."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from sqlalchemy import Connection

from cli.failures import CommandError, WrongInputError
from cli.one_home import hold
from cli.output import answer
from cli.parsing import AsJson
from cli.progress import rows_progress
from cli.tables import print_table
from landfall.database import copying
from landfall.database.connection import DatabaseUnavailable
from landfall.database.copying import Copied, CopyRefused
from landfall.database.duties import any_held
from landfall.database.migrate import migrate
from landfall.database.opening import open_database, shown
from landfall.database.postgres import write_at_length
from landfall.database.revision import require_head
from landfall.database.sqlite import open_engine, sqlite_path
from landfall.database.urls import is_postgres
from landfall.settings import Settings, SettingsError, load_settings

_HASH_LENGTH = 12


def copy_database(
    target: Annotated[
        str,
        typer.Argument(metavar="URL", help="postgresql://user@host:5432/database; the password may be in PGPASSWORD."),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Copy the SQLite database of the settings into an empty Postgres database, and compare both.

    Everything that uses the SQLite database has to be stopped. The files in the store stay where they are.
    """
    if not is_postgres(target):
        raise WrongInputError("URL: write it as postgresql://user@host:5432/database.")
    try:
        settings = load_settings(need_config=False)
        if is_postgres(settings.database_url):
            raise WrongInputError(
                "LANDFALL_DATABASE_URL names a Postgres already; let it name the SQLite file to copy."
            )
        with _held(settings):
            tables = _copy(settings, settings.model_copy(update={"database_url": target}))
    except SettingsError as error:
        raise CommandError(str(error)) from None
    except DatabaseUnavailable as error:
        raise CommandError(f"the database cannot be used ({error}); nothing was copied.") from None
    except CopyRefused as error:
        raise CommandError(f"{error}.") from None
    _tell(tables, shown(target), as_json=as_json)


@contextlib.contextmanager
def _held(settings: Settings) -> Iterator[None]:
    """Keep every `landfall up` from the home meanwhile."""
    path = sqlite_path(settings.database_url)
    if not path.exists():
        raise SettingsError(f"database_url: there is no database {path} to copy.")
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with hold(settings.home):
        yield


def _copy(source: Settings, target: Settings) -> Sequence[Copied]:
    with asyncio.Runner() as runner:
        runner.run(_check(source))
        migrate(target)
        # The one write lock: whoever still writes waits, and is found by its duty.
        engine = open_engine(sqlite_path(source.database_url), "BEGIN IMMEDIATE", size=1)
        try:
            with engine.begin() as reading:
                _refuse_if_used(reading)
                with rows_progress(copying.count(reading)) as advance:
                    return runner.run(write_at_length(target.database_url, _work(reading, advance)))
        finally:
            engine.dispose()


def _work(reading: Connection, advance: Callable[[int], None]) -> Callable[[Connection], Sequence[Copied]]:
    return lambda writing: copying.copy(reading, writing, advance)


async def _check(settings: Settings) -> None:
    async with open_database(settings) as database:
        await require_head(database)


def _refuse_if_used(connection: Connection) -> None:
    if any_held(connection):
        raise CopyRefused("a worker still uses the SQLite database; stop every worker and API, then try again")


def _tell(tables: Sequence[Copied], target: str, *, as_json: bool) -> None:
    if as_json:
        answer(json.dumps({"target": target, "tables": [asdict(table) for table in tables]}))
        return
    print_table(
        ("table", "rows", "sha256 on both sides"),
        [(table.table, table.rows, table.sha256[:_HASH_LENGTH]) for table in tables],
    )
    answer(f"Copied to {target}; set LANDFALL_DATABASE_URL to it and start Landfall again.")
