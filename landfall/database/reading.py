"""Reads exports and timelines for those who look on: filters, pages, events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, Select, and_, or_, select

from landfall.database.rows import job_of
from landfall.database.tables import events, exports
from landfall.exports.job import ExportJob
from landfall.exports.states import State


@dataclass(frozen=True, slots=True)
class Filter:
    """Which exports to list; a None or empty field lets all through."""

    states: Sequence[State] = ()
    account: str | None = None
    vendor: str | None = None
    labels: Sequence[tuple[str, str]] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """The last export of a page; the next page begins after it."""

    created_at: datetime
    id: str


def page(connection: Connection, wanted: Filter, after: Position | None, limit: int) -> list[ExportJob]:
    """Up to `limit` exports, newest first, after a position (keyset paging)."""
    query = _filtered(wanted).order_by(exports.c.created_at.desc(), exports.c.id.desc()).limit(limit)
    if after:
        older = exports.c.created_at < after.created_at
        same_moment = and_(exports.c.created_at == after.created_at, exports.c.id < after.id)
        query = query.where(or_(older, same_moment))
    return [job_of(row) for row in connection.execute(query)]


def timeline(connection: Connection, export_id: str) -> Sequence[Row[tuple[object, ...]]]:
    """The events of an export, oldest first."""
    return connection.execute(select(events).where(events.c.export_id == export_id).order_by(events.c.id)).all()


def _filtered(wanted: Filter) -> Select[tuple[object, ...]]:
    query = select(exports)
    if wanted.states:
        query = query.where(exports.c.state.in_([state.value for state in wanted.states]))
    if wanted.account:
        query = query.where(exports.c.account == wanted.account)
    if wanted.vendor:
        query = query.where(exports.c.vendor == wanted.vendor)
    if wanted.since:
        query = query.where(exports.c.created_at >= wanted.since)
    for key, value in wanted.labels:
        query = query.where(exports.c.labels[key].as_string() == value)
    return query
