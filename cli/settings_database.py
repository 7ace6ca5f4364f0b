"""Opens the database of the settings for commands that need neither the API nor the store."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection

from cli.failures import CommandError
from landfall.database.connection import Database, DatabaseUnavailable
from landfall.database.opening import open_database
from landfall.database.revision import require_head
from landfall.database.sqlite import sqlite_path
from landfall.database.urls import is_postgres
from landfall.settings import Settings, SettingsError, load_settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SettingsDatabase:
    """The settings and their database."""

    settings: Settings
    _database: Database
    _runner: asyncio.Runner

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a consistent view. Raises DatabaseUnavailable."""
        return self._runner.run(self._database.read(work))

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction. Raises DatabaseUnavailable."""
        return self._runner.run(self._database.write(work))


@contextmanager
def settings_database(settings: Settings | None = None) -> Iterator[SettingsDatabase]:
    """Open it, of the settings given or else of those found, until the block ends; what goes wrong with it in there becomes a CommandError."""
    try:
        settings = settings or load_settings(need_config=False)
        with asyncio.Runner() as runner:
            _require_file(settings)
            database = open_database(settings)
            try:
                runner.run(require_head(database))
                yield SettingsDatabase(settings, database, runner)
            finally:
                runner.run(database.aclose())
    except SettingsError as error:
        raise CommandError(str(error)) from None
    except DatabaseUnavailable as error:
        raise CommandError(f"the database cannot be used ({error}); try again.") from None


def _require_file(settings: Settings) -> None:
    """Whoever stands in another folder has no database there: to make an empty one would help nobody."""
    if is_postgres(settings.database_url):
        return
    path = sqlite_path(settings.database_url)
    if not path.exists():
        raise CommandError(
            f"there is no database {path}; run this in the folder of landfall.toml, or name the home in LANDFALL_HOME; "
            "`landfall up` makes a new one."
        )
