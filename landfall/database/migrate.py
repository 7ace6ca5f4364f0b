"""Brings the database to the revision of this release: `python -m landfall.database.migrate`."""

import argparse
import asyncio
import contextlib
import importlib.util
import json
import os
import sqlite3
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from landfall.database import readonly_role
from landfall.database.connection import DatabaseUnavailable
from landfall.database.opening import open_database, shown
from landfall.database.postgres import UNREACHABLE, open_engine, reason_of, was_in_the_way, write_at_length
from landfall.database.revision import HEAD, require_head
from landfall.database.sqlite import sqlite_path
from landfall.database.urls import is_postgres
from landfall.settings import Settings, SettingsError, load_settings

_INTERRUPTED = 130
_TRIES = 5
_OURS = "alembic_version"
_PASSWORD = "LANDFALL_READONLY_PASSWORD"  # noqa: S105 - the name of a variable
_CURE = "name another in LANDFALL_DATABASE_URL"
_CHECK = f"check it, or {_CURE}."


def migrate(settings: Settings, revision: str = "head") -> None:
    """Run every migration that the database lacks; one that a later release brought further, and suits this one, stays.

    Raises SettingsError where it cannot be opened, holds somebody else's tables or does not suit this release.
    """
    url = settings.database_url
    where = shown(url)
    try:
        if is_postgres(url):
            with asyncio.Runner() as runner:
                runner.run(_refuse_foreign_schema(url))
        else:
            path = sqlite_path(url)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _refuse_foreign_file(path)
        _upgrade(url, revision)
        if is_postgres(url) and revision == "head":
            asyncio.run(write_at_length(url, readonly_role.renew))
    except (OSError, DBAPIError, sqlite3.Error, DatabaseUnavailable, *UNREACHABLE) as error:
        original = error.orig if isinstance(error, DBAPIError) and error.orig else error
        raise SettingsError(f"database_url: {where} cannot be opened ({reason_of(original)}); {_CHECK}") from None
    except CommandError:
        # A revision that is not among ours: whoever goes back a release starts it by this command, too.
        asyncio.run(_check(settings))


def allow_reading(settings: Settings, password: str | None = None) -> Sequence[str]:
    """Make the role that may read the views of a migrated Postgres, as `readonly_role.allow` does. Raises SettingsError."""
    url = settings.database_url
    if not is_postgres(url):
        raise SettingsError(
            f"database_url: {shown(url)} is SQLite, which has no roles; open the file read-only (`file:…?mode=ro`)."
        )
    try:
        return asyncio.run(write_at_length(url, partial(readonly_role.allow, password=password)))
    except DatabaseUnavailable as error:
        raise SettingsError(f"database_url: {shown(url)} did not answer ({reason_of(error)}); {_CHECK}") from None


def _upgrade(url: str, revision: str) -> None:
    """Try it again where those who go on working have one table locked and wait for another that the migration has."""
    for _ in range(_TRIES - 1):
        try:
            return command.upgrade(alembic_config(url), revision)
        except DBAPIError as error:
            if not was_in_the_way(error):
                raise
    return command.upgrade(alembic_config(url), revision)


def _refuse_foreign_file(path: Path) -> None:
    """Raise SettingsError for a database that has tables but none of Alembic's: it is not ours to change."""
    if not path.exists():
        return
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if names and _OURS not in names:
        raise SettingsError(f"database_url: {path} holds the tables of something else; {_CURE}.")


async def _refuse_foreign_schema(url: str) -> None:
    engine = open_engine(url)
    try:
        async with engine.connect() as connection:
            schema, names = await connection.run_sync(_tables)
    finally:
        await engine.dispose()
    if schema is None:
        raise SettingsError(
            f"database_url: {shown(url)} has no schema that its search_path names; create it, or {_CURE}."
        )
    if names and _OURS not in names:
        raise SettingsError(
            f"database_url: schema {schema} of {shown(url)} holds the tables of something else; "
            f"add ?search_path=NAME for a schema of Landfall's own, or {_CURE}."
        )


def _tables(connection: Connection) -> tuple[str | None, Sequence[str]]:
    """The schema that new tables go to, and the tables in it."""
    schema = connection.execute(text("SELECT current_schema()")).scalar()
    return schema, inspect(connection).get_table_names(schema) if schema else []


def alembic_config(url: str) -> Config:
    """Alembic's configuration for the migrations that were installed with this package."""
    spec = importlib.util.find_spec("migrations")
    if spec is None or not spec.submodule_search_locations:
        raise SettingsError("the migrations are not installed; reinstall landfall.")
    config = Config()
    config.set_main_option("script_location", str(Path(spec.submodule_search_locations[0])).replace("%", "%%"))
    config.attributes["url"] = url
    return config


def main() -> int:
    """Migrate and say so; exit code 1 with one sentence where it cannot be done, 130 on Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="landfall migrate", description="Bring the database to the revision of this release."
    )
    parser.add_argument("--check", action="store_true", help="only look whether the database suits this release")
    parser.add_argument(
        "--readonly-role",
        action="store_true",
        help=f"then let the Postgres role {readonly_role.ROLE} read the ops_ views and nothing else; made where it is "
        f"missing, and allowed to log in where {_PASSWORD} or the next option gives a password",
    )
    parser.add_argument(
        "--readonly-password-file", type=Path, metavar="FILE", help="the password of that role, in a file"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    notes: list[str] = []
    try:
        settings = load_settings(need_config=False)
        if arguments.check:
            asyncio.run(_check(settings))
        else:
            migrate(settings)
        if arguments.readonly_role or arguments.readonly_password_file:
            notes = _allow_reading(settings, arguments.readonly_password_file)
    except SettingsError as error:
        print(f"landfall migrate: {error}", file=sys.stderr)  # noqa: T201 - this is a command
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    where = shown(settings.database_url)
    if arguments.json:
        told = {"database": where, "release_needs": HEAD, "migrated": not arguments.check, "notes": notes}
        print(json.dumps(told))  # noqa: T201 - this is a command
        return 0
    word = "suits this release" if arguments.check else "is up to date"
    print("\n".join([*notes, f"The database {where} {word}."]))  # noqa: T201 - this is a command
    return 0


def _allow_reading(settings: Settings, password_file: Path | None) -> list[str]:
    open_to_all = allow_reading(settings, _password(password_file))
    return [
        *(f"Everybody may do more than read here; to take that away: {statement};" for statement in open_to_all),
        f"The role {readonly_role.ROLE} may read the ops_ views.",
    ]


def _password(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get(_PASSWORD) or None
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--readonly-password-file: {file} cannot be read ({reason_of(error)}).") from None


async def _check(settings: Settings) -> None:
    async with open_database(settings) as database:
        await require_head(database)


if __name__ == "__main__":
    sys.exit(main())
