"""Reads the database's clock, the only one that decides what is due, and stores moments in UTC."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, DateTime, Dialect, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: `timestamptz` on Postgres, sortable UTC text on SQLite, always aware in Python."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC; SQLite's text has no zone."""
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the signature is SQLAlchemy's
        """Give back an aware moment."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class utc_now(FunctionElement[datetime]):  # noqa: N801 - reads as the SQL function that it is
    """The database's clock when the statement begins, to the millisecond on SQLite; an index may serve a comparison."""

    type = UtcDateTime()
    inherit_cache = True


class wall_clock(FunctionElement[datetime]):  # noqa: N801 - reads as the SQL function that it is
    """The database's clock at this very moment: later than `utc_now` where the statement waited for a lock."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(utc_now)
def _on_postgres(element: utc_now, compiler: SQLCompiler, **kw: Any) -> str:  # noqa: ANN401, ARG001 - the signature is SQLAlchemy's
    return "statement_timestamp()"


@compiles(wall_clock)
def _at_this_moment(element: wall_clock, compiler: SQLCompiler, **kw: Any) -> str:  # noqa: ANN401, ARG001 - the signature is SQLAlchemy's
    return "clock_timestamp()"


@compiles(utc_now, "sqlite")
@compiles(wall_clock, "sqlite")
def _on_sqlite(element: utc_now | wall_clock, compiler: SQLCompiler, **kw: Any) -> str:  # noqa: ANN401, ARG001 - the signature is SQLAlchemy's
    return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"


_NOW = select(utc_now())


def read_clock(connection: Connection) -> datetime:
    """The time in the database, in UTC."""
    return connection.execute(_NOW).scalar_one()
