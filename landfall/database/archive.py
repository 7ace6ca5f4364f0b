"""Moves exports that ended long ago, with their timelines, into a table where they are found by their id alone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, literal, select, tuple_, union

from landfall.database.clock import UtcDateTime, read_clock, utc_now
from landfall.database.reading import TimelineEvent
from landfall.database.rows import job_in
from landfall.database.tables import (
    archived_exports,
    events,
    exports,
    has_ended,
    is_held,
    is_kept,
    is_untold,
    orphans,
)
from landfall.database.tallying import REACHED
from landfall.exports.job import ExportJob

_MOMENTS = frozenset(column.name for column in exports.c if isinstance(column.type, UtcDateTime))
# The numbers of the events stand beside the export: an older release knows no such field in an event.
_NUMBERS = "event_ids"
_FIND = select(archived_exports.c.export).where(archived_exports.c.id == bindparam("sought"))
_TIMELINE = select(archived_exports.c.events, archived_exports.c.export[_NUMBERS].label("numbers")).where(
    archived_exports.c.id == bindparam("sought")
)
_TOLD = select(events).where(events.c.export_id.in_(bindparam("owners", expanding=True))).order_by(events.c.id)


@dataclass(frozen=True, slots=True)
class Place:
    """An export's place among those that have ended, by when they did."""

    finished_at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Found:
    """The exports that may be moved, and where to look on; `last` is None where nothing older is left."""

    ids: Sequence[str]
    last: Place | None


def find(connection: Connection, export_id: str) -> ExportJob | None:
    """The archived export of this id."""
    columns = connection.execute(_FIND, {"sought": export_id}).scalar_one_or_none()
    return job_in(_read(columns)) if columns else None


def timeline(
    connection: Connection, export_id: str, *, after: int = 0, limit: int | None = None
) -> list[TimelineEvent]:
    """The events of an archived export behind the one of this number, oldest first; none where it is not archived.

    Where an older release archived it their numbers are their places.
    """
    row = connection.execute(_TIMELINE, {"sought": export_id}).one_or_none()
    if row is None:
        return []
    told = zip(row.numbers or range(1, len(row.events) + 1), row.events, strict=True)
    found = [
        TimelineEvent(**(event | {"id": number, "at": datetime.fromisoformat(event["at"])}))
        for number, event in told
        if number > after
    ]
    return found[:limit]


def find_old(
    connection: Connection, history: timedelta, *, after: Place | None, judged: Collection[str], limit: int
) -> Found:
    """Look at up to `limit` exports that ended longer ago than `history`, oldest first.

    `judged` are the accounts whose kept files retention has yet to judge: it goes by the rows of their exports.
    """
    old = [has_ended, exports.c.finished_at < read_clock(connection) - history]
    if after:
        place = tuple_(literal(after.finished_at, UtcDateTime()), literal(after.id))
        old.append(tuple_(exports.c.finished_at, exports.c.id) > place)
    columns = (exports.c.id, exports.c.finished_at, exports.c.account, is_kept.label("kept"))
    query = select(*columns).where(*old).order_by(exports.c.finished_at, exports.c.id).limit(limit)
    rows = connection.execute(query).all()
    last = Place(rows[-1].finished_at, rows[-1].id) if len(rows) == limit else None
    return Found([row.id for row in rows if not (row.kept and row.account in judged)], last)


def move(connection: Connection, export_ids: Collection[str]) -> int:
    """Archive these exports, which have ended; returns how many.

    One whose report may hold a slot stays for now, one whose end webhooks have yet to be told, and one of whose events
    the tallies have yet to count.
    """
    held = select(orphans.c.export_id).where(
        orphans.c.export_id.in_(export_ids), is_held, (orphans.c.held_until > utc_now()) | orphans.c.due_at.is_not(None)
    )
    untold = select(events.c.export_id).where(events.c.export_id.in_(export_ids), is_untold)
    uncounted = select(events.c.export_id).where(events.c.export_id.in_(export_ids), events.c.id > REACHED)
    moving = set(export_ids) - set(connection.execute(union(held, untold, uncounted)).scalars())
    query = select(exports).where(exports.c.id.in_(moving), has_ended).with_for_update(skip_locked=True)
    rows = {row["id"]: row for row in connection.execute(query).mappings()}
    if not rows:
        return 0
    told: dict[str, list[dict[str, Any]]] = {id_: [] for id_ in rows}
    numbers: dict[str, list[int]] = {id_: [] for id_ in rows}
    for event in connection.execute(_TOLD, {"owners": list(rows)}).mappings():
        line = asdict(TimelineEvent(**{name: event[name] for name in TimelineEvent.__slots__}))
        numbers[event["export_id"]].append(line.pop("id"))
        told[event["export_id"]].append(_written(line))
    archived = [_archived({**row, _NUMBERS: numbers[id_]}, told[id_]) for id_, row in rows.items()]
    connection.execute(insert(archived_exports), archived)
    connection.execute(delete(exports).where(exports.c.id.in_(list(rows))))
    return len(rows)


def _archived(row: Mapping[Any, Any], told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    names = ("id", "account", "vendor", "report_type", "state", "created_at", "finished_at")
    return {name: row[name] for name in names} | {"export": _written(row), "events": told}


def _written(columns: Mapping[Any, Any]) -> dict[str, Any]:
    """The columns as JSON can hold them."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in columns.items()}


def _read(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value) if name in _MOMENTS and value else value for name, value in columns.items()
    }
