"""Brings the database to the revision of this release: `python -m landfall.database.migrate`."""

import contextlib
import importlib.util
import sqlite3
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import DatabaseError

from landfall.database.connection import sqlite_path
from landfall.settings import Settings, SettingsError, load_settings

_INTERRUPTED = 130
_CURE = "name another file in LANDFALL_DATABASE_URL"


def migrate(settings: Settings, revision: str = "head") -> None:
    """Run every migration that the database lacks.

    Raises SettingsError where it cannot be opened, holds somebody else's tables or was made by a later release.
    """
    path = sqlite_path(settings.database_url)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _refuse_foreign(path)
        command.upgrade(alembic_config(settings.database_url), revision)
    except (OSError, DatabaseError, sqlite3.Error) as error:
        reason = error.orig if isinstance(error, DatabaseError) else getattr(error, "strerror", None) or error
        raise SettingsError(f"database_url: {path} cannot be opened ({reason}); check it, or {_CURE}.") from None
    except CommandError:
        raise SettingsError(
            f"database_url: {path} has a revision that this release does not know; "
            f"install the release that made it, or {_CURE}."
        ) from None


def _refuse_foreign(path: Path) -> None:
    """Raise SettingsError for a database that has tables but none of Alembic's: it is not ours to change."""
    if not path.exists():
        return
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if names and "alembic_version" not in names:
        raise SettingsError(f"database_url: {path} holds the tables of something else; {_CURE}.")


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
    try:
        settings = load_settings(need_config=False)
        migrate(settings)
    except SettingsError as error:
        print(f"landfall migrate: {error}", file=sys.stderr)  # noqa: T201 - this is a command
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    print(f"The database {sqlite_path(settings.database_url)} is up to date.")  # noqa: T201 - this is a command
    return 0


if __name__ == "__main__":
    sys.exit(main())
