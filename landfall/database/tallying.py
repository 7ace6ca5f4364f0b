"""Counts events into the tallies of their hours, each event once, behind a mark that says how far it has come."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product
from types import ModuleType
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from landfall.database import following
from landfall.database.clock import read_clock
from landfall.database.few_sizes import few_sizes
from landfall.database.following import Mark, Missed
from landfall.database.tables import events, exports
from landfall.database.tally_tables import export_hours, failure_hours, step_hours, tallied
from landfall.exports.histogram import Histogram, as_pairs, from_pairs
from landfall.exports.tally import ADMIT, COUNTERS, FOUND_BUILT, START, Happened, Kind, Tally, tally

# As long as a year can be compared with the one before.
KEPT = timedelta(days=400)
_EVENTS = "events"

_before = events.alias()
_BEFORE = (_before.c.export_id == events.c.export_id, _before.c.id < events.c.id)
_WAS_ADMITTED = exists().where(*_BEFORE, _before.c.kind == literal_column(f"'{ADMIT}'"))
_WAS_ORDERED = (
    select(func.max(_before.c.at)).where(*_BEFORE, _before.c.kind == literal_column(f"'{START}'")).scalar_subquery()
)
_OF_ITSELF: dict[str, ColumnElement[Any]] = {
    "admitted_before": case((events.c.kind == literal_column(f"'{ADMIT}'"), _WAS_ADMITTED)),
    "ordered_at": case((events.c.kind == literal_column(f"'{FOUND_BUILT}'"), _WAS_ORDERED)),
}


def _column(name: str) -> ColumnElement[Any]:
    return _OF_ITSELF[name].label(name) if name in _OF_ITSELF else (events if name in events.c else exports).c[name]


_AFTER = {
    dialect: select(
        *map(_column, Happened._fields),
        events.c.id,
        following.oldest_running(dialect),
    )
    .join(exports, exports.c.id == events.c.export_id)
    .where(events.c.id > bindparam("after"))
    .order_by(events.c.id)
    .limit(bindparam("most"))
    for dialect in ("postgresql", "sqlite")
}
# As SQL: the number of the last event that was counted.
REACHED = select(tallied.c.event_id).where(tallied.c.name == _EVENTS).scalar_subquery()
_REACHED = select(REACHED)
_MOVE = (
    update(tallied)
    .where(tallied.c.name == _EVENTS, tallied.c.event_id == bindparam("old"))
    .values(event_id=bindparam("new"))
)
_KNOWN_STEPS = select(step_hours).where(
    step_hours.c.hour.in_(bindparam("hours", expanding=True)),
    step_hours.c.account.in_(bindparam("accounts", expanding=True)),
)
_TALLIES = (export_hours, step_hours, failure_hours)


@dataclass(frozen=True, slots=True)
class Counted:
    """What the events between two marks come to; `full` says that there may be more of them."""

    tally: Tally
    before: Mark
    after: Mark
    full: bool


def reached(connection: Connection) -> int:
    """The number of the last event that was counted."""
    return int(connection.execute(_REACHED).scalar_one())


def resume(connection: Connection, *, now: float) -> Mark:
    """The mark to go on from; `now` in seconds of any steady clock."""
    newest, horizon = following.begin(connection)
    # What is missing among old numbers will not come: it is not to be waited for at each place.
    missed = () if horizon is None else (Missed(newest + 1, horizon, now + following.PATIENCE_SECONDS),)
    return Mark(reached(connection), missed)


def count(connection: Connection, mark: Mark, *, now: float, limit: int) -> Counted:
    """Count up to `limit` events behind the mark, without writing; reads one snapshot."""
    rows = connection.execute(_AFTER[connection.dialect.name], {"after": mark.id, "most": limit}).all()
    told, after = following.advance(connection, rows, mark, now=now)
    fields = len(Happened._fields)
    # Where the last events were archived the mark stays above every number that is left.
    after = replace(after, id=max(mark.id, after.id))
    return Counted(tally(Happened(*row[:fields]) for row in told), mark, after, len(told) == limit)


def write(connection: Connection, counted: Counted) -> bool:
    """Add what was counted to the tallies and move the mark; False, and nothing written, if another has moved it."""
    if not connection.execute(_MOVE, {"old": counted.before.id, "new": counted.after.id}).rowcount:
        return False
    _write_counters(connection, counted.tally)
    _write_durations(connection, counted.tally)
    _write_failures(connection, counted.tally)
    return True


def forget_oldest(connection: Connection) -> bool:
    """Remove the oldest hour of each tally that is kept for longer than KEPT; False where none is."""
    before = read_clock(connection) - KEPT
    removed = 0
    for table in _TALLIES:
        oldest = connection.execute(select(func.min(table.c.hour))).scalar_one()
        if oldest is not None and oldest < before:
            removed += connection.execute(delete(table).where(table.c.hour == oldest)).rowcount
    return removed > 0


def _write_counters(connection: Connection, counted: Tally) -> None:
    nothing = dict.fromkeys(COUNTERS, 0)
    rows = [{**kind._asdict(), **nothing, **counts} for kind, counts in sorted(counted.counters.items())]
    if rows:
        connection.execute(_ADD_COUNTERS[connection.dialect.name], rows)


def _write_durations(connection: Connection, counted: Tally) -> None:
    known = _known_durations(connection, list(counted.durations))
    rows = []
    for key, histogram in sorted(counted.durations.items(), key=lambda each: each[0]):
        kind, phase = key
        if key in known:
            histogram.merge(known[key])
        rows.append(
            {
                **kind._asdict(),
                "phase": phase,
                "runs": histogram.runs,
                "seconds": histogram.seconds,
                "p50_seconds": histogram.percentile(0.5),
                "p95_seconds": histogram.percentile(0.95),
                "max_seconds": histogram.longest,
                "ranges": as_pairs(histogram.ranges),
            }
        )
    if rows:
        connection.execute(_SET_DURATIONS[connection.dialect.name], rows)


def _known_durations(connection: Connection, keys: Sequence[tuple[Kind, str]]) -> dict[tuple[Kind, str], Histogram]:
    hours = few_sizes(sorted({kind.hour for kind, _ in keys}))
    accounts = list(few_sizes(sorted({kind.account for kind, _ in keys})))
    known = {}
    for some, of in product(hours, accounts):
        for row in connection.execute(_KNOWN_STEPS, {"hours": some, "accounts": of}):
            kind = Kind(row.hour, row.account, row.vendor, row.report_type)
            known[kind, row.phase] = Histogram(row.runs, row.seconds, row.max_seconds, from_pairs(row.ranges))
    return known


def _write_failures(connection: Connection, counted: Tally) -> None:
    rows = [
        {
            **kind._asdict(),
            "step": step,
            "error_code": code,
            "failures": failures.count,
            "last_at": failures.last.at,
            "last_export_id": failures.last.export_id,
            "error_message": failures.last.error_message,
            "error_action": failures.last.error_action,
        }
        for (kind, step, code), failures in sorted(counted.failures.items(), key=lambda each: each[0])
    ]
    if rows:
        connection.execute(_ADD_FAILURES[connection.dialect.name], rows)


def _upserts(table: Table, *, added: Sequence[str]) -> dict[str, Any]:
    """Inserts that add these columns to the row that is there, and set the others."""
    return {name: _upsert(table, dialect, added) for name, dialect in (("postgresql", postgresql), ("sqlite", sqlite))}


def _upsert(table: Table, dialect: ModuleType, added: Sequence[str]) -> Any:  # noqa: ANN401 - each dialect has an insert of its own
    inserting = dialect.insert(table)
    key = set(table.primary_key.columns)
    changed = {
        column.name: column + inserting.excluded[column.name]
        if column.name in added
        else inserting.excluded[column.name]
        for column in table.c
        if column not in key
    }
    return inserting.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=changed)


_ADD_COUNTERS = _upserts(export_hours, added=COUNTERS)
_SET_DURATIONS = _upserts(step_hours, added=())
_ADD_FAILURES = _upserts(failure_hours, added=("failures",))
