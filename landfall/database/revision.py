"""Knows which schema revision this release needs."""

from sqlalchemy import Connection, inspect, text

from landfall.database.connection import Database, DatabaseUnavailable
from landfall.settings import SettingsError

HEAD = "0003"


def current(connection: Connection) -> str | None:
    """The revision of the database, None where it has never been migrated."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


async def require_head(database: Database) -> None:
    """Raise SettingsError, with the cure, unless the database is at the revision that this release needs."""
    try:
        found = await database.read(current)
    except DatabaseUnavailable as error:
        raise SettingsError(f"database_url: the database cannot be read ({error}); check the path.") from None
    if found is None:
        raise SettingsError("the database has no tables yet: run `landfall migrate`.")
    if found != HEAD:
        raise SettingsError(f"the database is at revision {found}, this release needs {HEAD}: run `landfall migrate`.")
