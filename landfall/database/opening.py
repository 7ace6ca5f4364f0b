"""Opens the database that a URL names."""

from landfall.database.connection import Database
from landfall.database.sqlite import SqliteDatabase, sqlite_path
from landfall.database.urls import is_postgres, place_on_postgres
from landfall.settings import Settings


def open_database(settings: Settings, *, durable: bool = True) -> Database:
    """The database of the settings, with no connection yet. Raises SettingsError for a URL that names none.

    On SQLite `durable` syncs every commit to the disk (what the API promises must survive a power cut); without it a
    power cut may undo the last commits, which a worker then simply does again. Postgres always waits for its disk.
    """
    if is_postgres(settings.database_url):
        from landfall.database.postgres import PostgresDatabase  # noqa: PLC0415 - 10 MB that SQLite needs none of

        place_on_postgres(settings.database_url)
        return PostgresDatabase(settings.database_url, pool_size=settings.database_pool_size)
    return SqliteDatabase(settings.database_url, durable=durable)


def shown(url: str) -> str:
    """The database in words that hold no secret: where the server or the file is."""
    return place_on_postgres(url) if is_postgres(url) else str(sqlite_path(url))
