"""Opens the database that a URL names."""

from landfall.database.connection import Database
from landfall.database.sqlite import SqliteDatabase, sqlite_path
from landfall.database.urls import is_postgres, place_on_postgres
from landfall.settings import Settings


def open_database(settings: Settings, *, for_steps: bool = False) -> Database:
    """The database of the settings, with no connection yet. Raises SettingsError for a URL that names none.

    What the API promises must survive a power cut: on SQLite it syncs every commit. `for_steps` are the many small
    transactions of a worker: there a power cut may undo the last ones, which are then simply done again. Postgres always
    waits for its disk; for steps it keeps the plans of its statements, which take as long to make as to carry out.
    """
    if is_postgres(settings.database_url):
        from landfall.database.postgres import PostgresDatabase  # noqa: PLC0415 - 10 MB that SQLite needs none of

        place_on_postgres(settings.database_url)
        return PostgresDatabase(settings.database_url, pool_size=settings.database_pool_size, keeps_plans=for_steps)
    return SqliteDatabase(settings.database_url, durable=not for_steps)


def shown(url: str) -> str:
    """The database in words that hold no secret: where the server or the file is."""
    return place_on_postgres(url) if is_postgres(url) else str(sqlite_path(url))
