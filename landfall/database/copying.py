"""Copies everything that a database holds into an empty one, and proves that it arrived."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, func, insert, select, text, tuple_
from sqlalchemy.exc import DBAPIError

from landfall.database.schema import metadata
from landfall.database.service_tables import sessions, workers
from landfall.database.tables import duties, exports, labels, schema_support

_CHUNK = 1000
# Who works, who is logged in and who holds a duty is no matter of the database that is left behind, a schema speaks for
# itself, and labels come with their exports.
_LEFT_OUT = frozenset({duties.name, labels.name, schema_support.name, sessions.name, workers.name})
TABLES = [table for table in metadata.sorted_tables if table.name not in _LEFT_OUT]


class CopyRefused(Exception):
    """The copy was not made, and nothing of it is left; the text is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A table that arrived: its rows, and a checksum over all of them, the same on both sides.

    It is the sum of every row's SHA-256: two databases may sort text in two ways.
    """

    table: str
    rows: int
    sha256: str


def count(connection: Connection) -> int:
    """All rows that a copy would bring."""
    return sum(connection.execute(select(func.count()).select_from(table)).scalar_one() for table in TABLES)


def copy(source: Connection, target: Connection, advance: Callable[[int], None]) -> Sequence[Copied]:
    """Copy each table within two transactions; `advance` is told of rows that were written. Raises CopyRefused.

    The rows are read back and compared before it returns: whoever commits the target commits a proven copy.
    """
    if target.execute(select(exports.c.id).limit(1)).first():
        raise CopyRefused("the target holds exports already; name an empty database")
    return [_copied(source, target, table, advance) for table in TABLES]


def _copied(source: Connection, target: Connection, table: Table, advance: Callable[[int], None]) -> Copied:
    target.execute(table.delete())
    sent = rows = 0
    for chunk in _chunks(source, table):
        _insert(target, table, chunk)
        sent += _sum(chunk)
        rows += len(chunk)
        advance(len(chunk))
    arrived = sum(map(_sum, _chunks(target, table)))
    if sent != arrived:
        raise CopyRefused(f"the rows of {table.name} did not arrive as they were sent; nothing was written")
    _continue_numbering(target, table, _last_number(source, table))
    return Copied(table.name, rows, f"{sent % 2**256:064x}")


def _insert(target: Connection, table: Table, chunk: Sequence[Row[Any]]) -> None:
    try:
        target.execute(insert(table), [dict(row._mapping) for row in chunk])  # noqa: SLF001 - SQLAlchemy's documented accessor
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        first = chunk[0]._mapping[next(iter(table.primary_key))]  # noqa: SLF001 - as above
        why = str(error.orig.__cause__ or error.orig).partition("\n")[0] if error.orig else type(error).__name__
        raise CopyRefused(
            f"a row of {table.name}, {first} or one of the {_CHUNK} after it, cannot be kept there ({why}); nothing was written"
        ) from None


def _chunks(connection: Connection, table: Table) -> Iterator[Sequence[Row[Any]]]:
    """The rows by primary key, so that no transaction sits idle over a long read."""
    keys = list(table.primary_key)
    query = select(table).order_by(*keys).limit(_CHUNK)
    while chunk := connection.execute(query).all():
        yield chunk
        last = [chunk[-1]._mapping[key] for key in keys]  # noqa: SLF001 - as above
        query = select(table).where(tuple_(*keys) > tuple_(*last)).order_by(*keys).limit(_CHUNK)


def _sum(chunk: Sequence[Row[Any]]) -> int:
    texts = (json.dumps(list(row), sort_keys=True, default=_plain) for row in chunk)
    return sum(int.from_bytes(hashlib.sha256(text.encode()).digest()) for text in texts)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no canonical form")


def _last_number(connection: Connection, table: Table) -> int:
    """The highest number that SQLite ever gave to a row of the table, though it be gone; 0 where it keeps none in mind."""
    if connection.dialect.name != "sqlite":
        return 0
    query = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
    return int(connection.execute(query, {"name": table.name}).scalar_one_or_none() or 0)


def _continue_numbering(connection: Connection, table: Table, last: int) -> None:
    """Let Postgres number on behind `last` and the rows that came with their numbers; SQLite does so by itself."""
    key = table.autoincrement_column
    if connection.dialect.name != "postgresql" or key is None:
        return
    sequence = func.pg_get_serial_sequence(table.name, key.name)
    following = select(func.greatest(func.coalesce(func.max(key), 0), last) + 1).scalar_subquery()
    connection.execute(select(func.setval(sequence, following, text("false"))))
