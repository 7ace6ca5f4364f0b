"""Knows which schema revision this release needs, and which later ones it can work on."""

from dataclasses import dataclass

from sqlalchemy import Connection, inspect, select, text

from landfall.database.connection import Database, DatabaseUnavailable
from landfall.database.tables import schema_support
from landfall.settings import SettingsError

HEAD = "0008"


@dataclass(frozen=True, slots=True)
class Schema:
    """A database's revision, and the oldest revision whose code can work on it."""

    revision: str
    oldest: str


def current(connection: Connection) -> Schema | None:
    """The schema as it stands, None where the database has never been migrated."""
    tables = inspect(connection)
    if not tables.has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    if found is None:
        return None
    if found <= HEAD or not tables.has_table(schema_support.name):
        return Schema(found, found)
    return Schema(found, connection.execute(select(schema_support.c.oldest)).scalar() or found)


async def require_head(database: Database) -> None:
    """Raise SettingsError, with the cure, unless this release can work on the database's schema."""
    try:
        found = await database.read(current)
    except DatabaseUnavailable as error:
        raise unreachable(error) from None
    if wrong := objection(found):
        raise SettingsError(wrong)


def objection(found: Schema | None) -> str | None:
    """Why this release cannot work on such a schema, with the cure; None where it can.

    It can on its own revision, or a later one that says so: an old worker goes on beside a new schema.
    """
    if found is None:
        return "the database has no tables yet: run `landfall migrate`."
    if found.revision < HEAD:
        return f"the database is at revision {found.revision}, this release needs {HEAD}: run `landfall migrate`."
    if found.oldest > HEAD:
        return (
            f"the database is at revision {found.revision}, made for revision {found.oldest} and later, and this "
            f"release knows {HEAD}: install the newer release."
        )
    return None


def unreachable(error: DatabaseUnavailable) -> SettingsError:
    """What a process that starts says where the database does not answer."""
    return SettingsError(f"database_url: the database cannot be read ({error}); check LANDFALL_DATABASE_URL.")
