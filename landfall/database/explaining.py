"""Gathers what bears on an export, in a few queries that indexes answer."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from sqlalchemy import Connection, Integer, bindparam, cast, func, literal, select, tuple_

from landfall.database import accounts, archive, build_times, reading, workers
from landfall.database.clock import read_clock
from landfall.database.tables import exports, holds_slot, is_held, is_queued, orphans
from landfall.exports.circumstances import Circumstances, Holder, Last, Line
from landfall.exports.expecting import Usual, usual
from landfall.exports.job import ExportJob
from landfall.exports.states import TERMINAL, State
from landfall.exports.throttle import Throttle

# Enough to expect something of an account that has more slots.
_MOST_HOLDERS = 100
_MOST_KINDS = 5
_FARTHEST = 10_000
_HOLDERS = (
    select(exports.c.id, exports.c.state, exports.c.report_type, exports.c.started_at)
    .where(exports.c.account == bindparam("account"), holds_slot)
    .limit(_MOST_HOLDERS)
)
_HELD = (
    select(exports.c.id, exports.c.state, exports.c.report_type, orphans.c.created_at, orphans.c.report_id)
    .add_columns(orphans.c.held_until)
    .join(exports, exports.c.id == orphans.c.export_id)
    .where(orphans.c.account == bindparam("account"), is_held, orphans.c.held_until > bindparam("now"))
    .limit(_MOST_HOLDERS)
)
_IN_QUEUE = select(literal(1)).where(exports.c.account == bindparam("account"), is_queued).limit(_FARTHEST)
_FIRST = _IN_QUEUE.where(exports.c.priority > bindparam("priority")).subquery()
_BEFORE = _IN_QUEUE.where(
    exports.c.priority == bindparam("priority"),
    tuple_(exports.c.turn, exports.c.created_at, exports.c.id)
    < tuple_(
        bindparam("turn", type_=exports.c.turn.type),
        bindparam("created_at", type_=exports.c.created_at.type),
        bindparam("id", type_=exports.c.id.type),
    ),
).subquery()
_AHEAD = select(
    cast(
        select(func.count()).select_from(_FIRST).scalar_subquery()
        + select(func.count()).select_from(_BEFORE).scalar_subquery(),
        Integer,
    )
)


def gather(connection: Connection, export_id: str) -> Circumstances | None:
    """What bears on the export of this id, an archived one too; None where there is none."""
    found = accounts.find_export(connection, export_id)
    if found is None:
        job = archive.find(connection, export_id)
        return _of_archived(connection, job) if job else None
    job, throttle, now = found
    last = reading.last_event(connection, export_id)
    told = Last(last.kind, last.at, last.step, last.note) if last else None
    if job.state in TERMINAL:
        return Circumstances(job=job, now=now, last=told)
    builds = {job.report_type: _usual(connection, job.account, job.report_type)}
    return Circumstances(
        job=job,
        now=now,
        last=told,
        line=_line(connection, job, throttle, now, builds),
        usual=builds[job.report_type],
        workers=workers.crew(connection).workers,
    )


def holders(connection: Connection, account: str, now: datetime) -> list[Holder]:
    """Some of the exports that hold the account's slots, those that have had theirs longest first."""
    found = _holders(connection, account, now, {})
    return sorted(found, key=lambda holder: (holder.since or now, holder.id))


def _of_archived(connection: Connection, job: ExportJob) -> Circumstances:
    timeline = archive.timeline(connection, job.id)
    last = timeline[-1] if timeline else None
    told = Last(last.kind, last.at, last.step, last.note) if last else None
    return Circumstances(job=job, now=read_clock(connection), last=told, archived=True)


def _line(
    connection: Connection, job: ExportJob, throttle: Throttle, now: datetime, builds: dict[str, Usual | None]
) -> Line:
    used = accounts.slots_used(connection, job.account)
    if job.state is not State.QUEUED:
        return Line(throttle, used)
    holders = list(_holders(connection, job.account, now, builds))
    ahead = _ahead(connection, job)
    return Line(throttle, used, holders, place=min(ahead, _FARTHEST) + 1, more=ahead >= _FARTHEST)


def _holders(connection: Connection, account: str, now: datetime, builds: dict[str, Usual | None]) -> Iterator[Holder]:
    rows = connection.execute(_HOLDERS, {"account": account}).all()
    held = connection.execute(_HELD, {"account": account, "now": now}).all()
    for kind in dict.fromkeys(row.report_type for row in (*rows, *held)):
        if kind not in builds and len(builds) < _MOST_KINDS:
            builds[kind] = _usual(connection, account, kind)
    for row in rows:
        left = _remaining(builds, row.report_type, row.started_at, now)
        yield Holder(row.id, State(row.state), row.started_at, left, row.report_type)
    for row in held:
        left = (row.held_until - now).total_seconds()
        if row.report_id is not None:
            # Held until it has ended at the vendor, for days at the longest.
            usually = _remaining(builds, row.report_type, row.created_at, now)
            left = left if usually is None else min(left, usually)
        yield Holder(row.id, State(row.state), row.created_at, left, row.report_type)


def _remaining(builds: Mapping[str, Usual | None], kind: str, since: datetime | None, now: datetime) -> float | None:
    """How long a report is likely to build on; one that is late already may end at any moment."""
    known = builds.get(kind)
    if known is None:
        return None
    return max(0.0, known.median - (now - since).total_seconds()) if since else known.median


def _usual(connection: Connection, account: str, report_type: str) -> Usual | None:
    return usual(build_times.recent(connection, account, report_type))


def _ahead(connection: Connection, job: ExportJob) -> int:
    place = {"account": job.account, "priority": job.priority, "turn": job.turn, "created_at": job.created_at}
    return int(connection.execute(_AHEAD, place | {"id": job.id}).scalar_one())
