"""Brings the database to the revision of this release: `python -m landfall.database.migrate`."""

import importlib.util
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DatabaseError

from landfall.database.connection import sqlite_path
from landfall.settings import Settings, SettingsError, load_settings


def migrate(settings: Settings, revision: str = "head") -> None:
    """Run every migration that the database lacks. Raises SettingsError where it cannot be opened."""
    path = sqlite_path(settings.database_url)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        command.upgrade(alembic_config(settings.database_url), revision)
    except (OSError, DatabaseError) as error:
        reason = error.orig if isinstance(error, DatabaseError) else error.strerror
        raise SettingsError(f"database_url: {path} cannot be opened ({reason}); check the path.") from None


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
    """Migrate and say so; exit code 1 with one sentence where it cannot be done."""
    try:
        settings = load_settings(need_config=False)
        migrate(settings)
    except SettingsError as error:
        print(f"landfall migrate: {error}", file=sys.stderr)  # noqa: T201 - this is a command
        return 1
    print(f"The database {sqlite_path(settings.database_url)} is up to date.")  # noqa: T201 - this is a command
    return 0


if __name__ == "__main__":
    sys.exit(main())
