"""Writes exports and their events, each change by compare-and-swap on the export's version."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, insert, select, true, update

from landfall.database import turns
from landfall.database.clock import read_clock, utc_now
from landfall.database.rows import changed_columns, event_row, job_of, row_of
from landfall.database.tables import events, exports, is_queued
from landfall.exports.job import ExportJob
from landfall.exports.settling import Event, Settled, claim
from landfall.exports.states import TERMINAL

# Made once: every step runs these, and making one costs as much as running it.
_FIND = select(exports).where(exports.c.id == bindparam("export_id"))
_FIND_NOW = select(exports, utc_now().label("now")).where(exports.c.id == bindparam("export_id"))
# The state as well: a server that crashes may forget a wait, and the version it had is then given to another.
_SWAP = update(exports).where(
    exports.c.id == bindparam("old_id"),
    exports.c.version == bindparam("old_version"),
    exports.c.state == bindparam("old_state"),
)
_INSERT_EXPORT = insert(exports)
_INSERT_EVENT = insert(events)
_ROWS_AT_ONCE = 250
_FIND_QUEUED = (
    select(exports)
    .where(exports.c.account == bindparam("queue"), is_queued)
    .order_by(exports.c.priority.desc(), exports.c.turn, exports.c.created_at, exports.c.id)
    .limit(bindparam("most"))
)

# What a wait changes, and the event that tells of it, in one statement.
_OF_A_WAIT = {"version", "leased", "attempts", "polls", "deferrals", "crashes", "due_at", "polled_at"} | {
    "error_code",
    "error_message",
    "error_action",
}
_TOLD = "told_"
_SWAPPED = _SWAP.values({name: bindparam(name) for name in _OF_A_WAIT}).returning(exports.c.id).cte("swapped")
_TOLD_COLUMNS = [column for column in events.c if column.name != "id"]
# The commit waits for no disk: a server that crashes may forget a wait, and the export is polled once more.
_UNHURRIED = select(func.set_config("synchronous_commit", "off", true())).cte("unhurried").prefix_with("MATERIALIZED")
_SWAP_AND_TELL = insert(events).from_select(
    [column.name for column in _TOLD_COLUMNS],
    select(*(bindparam(_TOLD + column.name, type_=column.type) for column in _TOLD_COLUMNS)).select_from(
        _SWAPPED.join(_UNHURRIED, true())
    ),
)

ACCEPTED = Event("accept", None, 0)


class Lease(NamedTuple):
    """A step that runs: the export at this version, `leased` if a claim gave it a lease."""

    export_id: str
    version: int
    leased: bool


def accept(connection: Connection, jobs: Sequence[ExportJob]) -> None:
    """Insert new exports and the events that tell of them."""
    queued = turns.assign(connection, jobs)
    # In pieces: on Postgres the event loop has its turn whenever a statement has gone out.
    for start in range(0, len(queued), _ROWS_AT_ONCE):
        some = queued[start : start + _ROWS_AT_ONCE]
        connection.execute(_INSERT_EXPORT, [row_of(job) for job in some])
        connection.execute(_INSERT_EVENT, [event_row(job, ACCEPTED, job.created_at) for job in some])


def find(connection: Connection, export_id: str) -> ExportJob | None:
    """The export of this id."""
    row = connection.execute(_FIND, {"export_id": export_id}).one_or_none()
    return job_of(row) if row else None


def find_now(connection: Connection, export_id: str) -> tuple[ExportJob, datetime] | None:
    """The export of this id, and the database's time."""
    row = connection.execute(_FIND_NOW, {"export_id": export_id}).one_or_none()
    return (job_of(row), row.now) if row else None


def find_overdue(
    connection: Connection, limit: int, *, since: datetime | None = None
) -> tuple[list[ExportJob], datetime]:
    """The exports whose step is due, longest overdue first, and the database's time; with `since` those due after it."""
    now = read_clock(connection)
    due = exports.c.due_at <= now
    if since is not None:
        due &= exports.c.due_at > since
    rows = connection.execute(select(exports).where(due).order_by(exports.c.due_at).limit(limit))
    return [job_of(row) for row in rows], now


def take(connection: Connection, job: ExportJob, lease: timedelta, *, now: datetime) -> ExportJob | None:
    """Claim the due step of an export that was read just now under a lease; None where it has moved on since."""
    if job.step is None:
        return None
    taken = claim(job, now=now, lease=lease)
    return taken if _swap(connection, job, taken) else None


def renew(connection: Connection, held: Iterable[Lease], length: timedelta) -> list[Lease]:
    """Say that steps still run: a lease lasts `length` from now, a step without one was due just now.

    Those that were taken away stay taken: they are returned.
    """
    now = read_clock(connection)
    doubtful: list[Lease] = []
    # In one order, lest two workers wait for each other.
    for lease in sorted(held):
        renewed = connection.execute(
            update(exports)
            .where(
                exports.c.id == lease.export_id, exports.c.version == lease.version, exports.c.due_at <= now + length
            )
            .values(due_at=now + length if lease.leased else now),
        )
        if not renewed.rowcount:
            doubtful.append(lease)
    # A clock that was set back keeps a lease from being renewed, too.
    stand = versions(connection, [lease.export_id for lease in doubtful]) if doubtful else {}
    return [lease for lease in doubtful if stand.get(lease.export_id) != lease.version]


def save(
    connection: Connection, before: ExportJob, settled: Settled, *, at: datetime, seconds: float | None = None
) -> bool:
    """Write a settlement and its event; False, and nothing written, if the export has moved on since `before`."""
    if not _swap(connection, before, settled.job):
        return False
    ended = settled.job.state in TERMINAL
    connection.execute(_INSERT_EVENT, event_row(settled.job, settled.event, at, seconds, untold=ended))
    return True


def save_by_itself(
    connection: Connection, before: ExportJob, settled: Settled, *, at: datetime, seconds: float | None = None
) -> bool:
    """The same for a wait: one statement on Postgres, which needs no transaction around it.

    Raises ValueError for a settlement that is none.
    """
    changed = changed_columns(before, settled.job)
    if not changed.keys() <= _OF_A_WAIT:
        raise ValueError(f"this is no wait: it changes {', '.join(sorted(changed.keys() - _OF_A_WAIT))}")
    if connection.dialect.name != "postgresql":
        return save(connection, before, settled, at=at, seconds=seconds)
    told = {_TOLD + name: value for name, value in event_row(settled.job, settled.event, at, seconds).items()}
    after = row_of(settled.job)
    swapped = {**_place(before), **{name: after[name] for name in _OF_A_WAIT}}
    return connection.execute(_SWAP_AND_TELL, swapped | told).rowcount == 1


def note(connection: Connection, job: ExportJob, event: Event, *, at: datetime) -> None:
    """Write one more line into the export's timeline."""
    connection.execute(_INSERT_EVENT, event_row(job, event, at))


def versions(connection: Connection, export_ids: Iterable[str]) -> dict[str, int]:
    """The versions at which these exports stand, by id."""
    rows = connection.execute(select(exports.c.id, exports.c.version).where(exports.c.id.in_(list(export_ids))))
    return {row.id: row.version for row in rows}


def find_queued(connection: Connection, account: str, limit: int) -> list[ExportJob]:
    """The next queued exports of an account: by priority, then turn, then age."""
    rows = connection.execute(_FIND_QUEUED, {"queue": account, "most": limit})
    return [job_of(row) for row in rows]


def _place(job: ExportJob) -> dict[str, object]:
    return {"old_id": job.id, "old_version": job.version, "old_state": job.state.value}


def _swap(connection: Connection, before: ExportJob, after: ExportJob) -> bool:
    swapped = {**_place(before), **changed_columns(before, after)}
    return connection.execute(_SWAP, swapped).rowcount == 1
