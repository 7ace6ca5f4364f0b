"""Follows what happens to all exports, in the order of the events' numbers, and leaves none out.

On Postgres an event gets its number before its transaction commits, so a higher number may be seen before a lower one.
A number that is missing below one that is seen is waited for: until it is seen, or until every transaction has ended
that was under way when it was missed, for then nobody is left to bring it. So whoever was told of one number was told
of all below it, and a number is all that is needed to go on from. On SQLite one transaction writes at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, case, func, literal_column, select, text

from landfall.database.reading import TIMELINE_COLUMNS, TimelineEvent
from landfall.database.tables import events, exports

AnyRow = Row[*tuple[Any, ...]]
# Longer than any transaction of Landfall's may take: what else runs on the server shall not hold back the news.
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Happening:
    """An event and whose it is; `due_at` is when the next step is due, known of an export's last event alone."""

    event: TimelineEvent
    export_id: str
    account: str
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Missed:
    """Numbers below this one were missing; who could bring them is a transaction older than `horizon`, or nobody.

    `until` is when they are given up, by the caller's clock.
    """

    below: int
    horizon: int
    until: float


@dataclass(frozen=True, slots=True)
class Mark:
    """How far somebody has followed: every event up to `id` that there will ever be has been told."""

    id: int
    missed: tuple[Missed, ...] = ()


_newest_of_export = events.alias()
_IS_LAST = (
    events.c.id
    == select(func.max(_newest_of_export.c.id))
    .where(_newest_of_export.c.export_id == events.c.export_id)
    .scalar_subquery()
)
_DUE_AT = case((_IS_LAST, exports.c.due_at))
_OLDEST_RUNNING: dict[str, ColumnElement[int]] = {
    "postgresql": literal_column("CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)"),
    "sqlite": literal_column("0"),
}
_AFTER = {
    dialect: select(
        *TIMELINE_COLUMNS, events.c.export_id, exports.c.account, _DUE_AT.label("due_at"), oldest.label("oldest")
    )
    .join(exports, exports.c.id == events.c.export_id)
    .where(events.c.id > bindparam("after"))
    .order_by(events.c.id)
    .limit(bindparam("most"))
    for dialect, oldest in _OLDEST_RUNNING.items()
}
_BETWEEN = {dialect: query.where(events.c.id <= bindparam("last")) for dialect, query in _AFTER.items()}
_NEWEST = select(func.max(events.c.id))
_OLDEST_RUNNING_NOW = select(_OLDEST_RUNNING["postgresql"])
# Drawn after what was read: whoever draws a lower one afterwards was under way before.
_OWN_TRANSACTION = text("SELECT CAST(CAST(pg_current_xact_id() AS text) AS bigint)")


def newest(connection: Connection) -> int:
    """The highest number that is seen, 0 where there is none."""
    return int(connection.execute(_NEWEST).scalar_one() or 0)


def begin(connection: Connection) -> tuple[int, int | None]:
    """The highest number, and the horizon that has to pass before all below it are seen; None where they are."""
    number = newest(connection)
    return number, None if connection.dialect.name == "sqlite" else _horizon(connection)


def has_passed(connection: Connection, horizon: int) -> bool:
    """Whether every transaction older than this one has ended."""
    return int(connection.execute(_OLDEST_RUNNING_NOW).scalar_one()) >= horizon


def read(connection: Connection, mark: Mark, *, now: float, limit: int) -> tuple[list[Happening], Mark]:
    """What has happened since the mark, at most `limit`, and the mark after it; `now` in seconds of any steady clock.

    The caller's transaction sees one snapshot. A mark above every number is taken back: a server that crashed and
    forgot what it had not synced gives numbers anew.
    """
    rows = connection.execute(_AFTER[connection.dialect.name], {"after": mark.id, "most": limit}).all()
    told, after = advance(connection, rows, mark, now=now)
    return [_happening(row) for row in told], after


def oldest_running(dialect: str) -> ColumnElement[int]:
    """What the rows that `advance` takes have as `oldest`: the transaction that may be the last to bring a number."""
    return _OLDEST_RUNNING[dialect].label("oldest")


def advance(connection: Connection, rows: Sequence[AnyRow], mark: Mark, *, now: float) -> tuple[Sequence[AnyRow], Mark]:
    """Which of the events that were read behind the mark, as `read` says, and the mark after them."""
    if not rows:
        return [], Mark(min(mark.id, newest(connection)))
    alone = connection.dialect.name == "sqlite"
    count, waiting = (len(rows), False) if alone else _settled(rows, mark, now)
    reached = rows[count - 1].id if count else mark.id
    missed = tuple(each for each in mark.missed if each.below > reached)
    if waiting and not any(each.below >= rows[count].id for each in missed):
        missed = (*missed, Missed(rows[-1].id, _horizon(connection), now + PATIENCE_SECONDS))
    return rows[:count], replace(mark, id=reached, missed=missed)


def between(connection: Connection, after: int, last: int, *, limit: int) -> list[Happening]:
    """The events behind `after` up to the number `last`, at most `limit`: what somebody missed who was away."""
    sought = {"after": after, "last": last, "most": limit}
    return [_happening(row) for row in connection.execute(_BETWEEN[connection.dialect.name], sought)]


def _settled(rows: Sequence[AnyRow], mark: Mark, now: float) -> tuple[int, bool]:
    """How many of the rows come after no number that may still be seen; whether one such stands before the others."""
    oldest = rows[0].oldest
    gone = max((each.below for each in mark.missed if each.horizon <= oldest or each.until <= now), default=0)
    reached = mark.id
    for count, row in enumerate(rows):
        if row.id > reached + 1 and row.id > gone:
            return count, True
        reached = row.id
    return len(rows), False


def _horizon(connection: Connection) -> int:
    return int(connection.execute(_OWN_TRANSACTION).scalar_one())


def _happening(row: AnyRow) -> Happening:
    told = len(TIMELINE_COLUMNS)
    return Happening(TimelineEvent(*row[:told]), row.export_id, row.account, row.due_at)
