"""Connects Alembic to Landfall's database."""

from alembic import context
from sqlalchemy import URL, create_engine
from sqlalchemy.pool import NullPool

from landfall.database.connection import sqlite_path
from landfall.database.tables import metadata


def run() -> None:
    """Migrate in one transaction; SQLite alters tables by copying them (batch mode)."""
    path = sqlite_path(context.config.attributes["url"])
    url = URL.create("sqlite+pysqlite", database=str(path))
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            connection.commit()
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
