"""Reads exports and timelines for those who look on: filters, pages, events."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from landfall.database.page_query import Shape, query_of
from landfall.database.rows import job_of
from landfall.database.tables import events
from landfall.exports.job import ExportJob, Fault
from landfall.exports.states import State


@dataclass(frozen=True, slots=True)
class Filter:
    """Which exports to list; a None or empty field lets all through, but `within` no account beside those it holds.

    `since` is the first moment, `until` the first one after: two windows that meet share no export.
    """

    states: Sequence[State] = ()
    account: str | None = None
    vendor: str | None = None
    labels: Sequence[tuple[str, str]] = ()
    since: datetime | None = None
    until: datetime | None = None
    error: str | None = None
    batch: str | None = None
    within: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """The last export of a page; the next page begins after it."""

    created_at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One line of an export's timeline; `seconds` is how long the step ran, `id` its number among all events."""

    at: datetime
    kind: str
    state: str
    step: str | None
    attempt: int
    generation: int
    seconds: float | None
    error_code: str | None
    error_message: str | None
    error_action: str | None
    note: str | None
    id: int = 0

    @property
    def error(self) -> Fault | None:
        """What the step ran into."""
        if self.error_code is None or self.error_message is None or self.error_action is None:
            return None
        return Fault(self.error_code, self.error_message, self.error_action)


TIMELINE_COLUMNS = tuple(events.c[name] for name in TimelineEvent.__slots__)
_TIMELINE = (
    select(*TIMELINE_COLUMNS)
    .where(events.c.export_id == bindparam("of"), events.c.id > bindparam("after"))
    .order_by(events.c.id)
)
_SOME_OF_TIMELINE = _TIMELINE.limit(bindparam("most"))
_LAST_OF_TIMELINE = (
    select(*TIMELINE_COLUMNS).where(events.c.export_id == bindparam("of")).order_by(events.c.id.desc()).limit(1)
)


def page(connection: Connection, wanted: Filter, after: Position | None, limit: int) -> list[ExportJob]:
    """Up to `limit` exports, newest first, after a position (keyset paging)."""
    if wanted.within is not None:
        if not wanted.within or (wanted.account and wanted.account not in wanted.within):
            return []
        if wanted.account:
            wanted = replace(wanted, within=None)
    if after and wanted.until:
        # Both are an upper end of one index, and a database seeks by one of them only.
        wanted, after = (replace(wanted, until=None), after) if after.created_at < wanted.until else (wanted, None)
    return [job_of(row) for row in connection.execute(query_of(_shape(wanted, after)), _values(wanted, after, limit))]


def timeline(
    connection: Connection, export_id: str, *, after: int = 0, limit: int | None = None
) -> list[TimelineEvent]:
    """The events of an export behind the one of this number, oldest first; all of them without a limit."""
    sought = {"of": export_id, "after": after}
    rows = (
        connection.execute(_SOME_OF_TIMELINE, sought | {"most": limit})
        if limit
        else connection.execute(_TIMELINE, sought)
    )
    return [TimelineEvent(*row) for row in rows]


def last_event(connection: Connection, export_id: str) -> TimelineEvent | None:
    """What happened to an export last."""
    row = connection.execute(_LAST_OF_TIMELINE, {"of": export_id}).one_or_none()
    return TimelineEvent(*row) if row else None


def _shape(wanted: Filter, after: Position | None) -> Shape:
    return Shape(
        tuple(sorted(set(wanted.states))),
        bool(wanted.account),
        bool(wanted.vendor),
        len(wanted.labels),
        wanted.since is not None,
        wanted.until is not None,
        bool(wanted.error),
        bool(wanted.batch),
        len(wanted.within or ()),
        after is not None,
    )


def _values(wanted: Filter, after: Position | None, limit: int) -> dict[str, Any]:
    values = {
        "of_account": wanted.account,
        "of_vendor": wanted.vendor,
        "of_error": wanted.error,
        "of_batch": wanted.batch,
        "since": wanted.since,
        "until": wanted.until,
        "after": after and after.created_at,
        "after_id": after and after.id,
        "most": limit,
    }
    for number, (key, value) in enumerate(wanted.labels):
        values |= {f"key_{number}": key, f"value_{number}": value}
    return values | {f"account_{number}": name for number, name in enumerate(sorted(wanted.within or ()))}
