"""Tells of an export's lives, of which each retry begins one: how the last one ended, where the present one began."""

from datetime import timedelta

from sqlalchemy import Connection, bindparam, select, update

from landfall.database.clock import UtcDateTime, read_clock
from landfall.database.rows import job_of
from landfall.database.tables import events, exports, has_ended
from landfall.exports.job import ExportJob
from landfall.exports.states import State, Step

_ENDED_IN = (
    select(events.c.step)
    .where(events.c.export_id == bindparam("of"), events.c.state == bindparam("ended_as"))
    .order_by(events.c.id.desc())
    .limit(1)
)
# An attempt that is repeated by itself is a retry too, but one of a step.
_FIRST_GENERATION = (
    select(events.c.generation)
    .where(
        events.c.export_id == bindparam("of"),
        events.c.kind == "retry",
        events.c.step.is_(None),
        events.c.state.in_([State.QUEUED.value, State.READY.value]),
    )
    .order_by(events.c.id.desc())
    .limit(1)
)
_CANCELLED_DOWNLOADS = (
    select(exports)
    .join(events, events.c.export_id == exports.c.id)
    .where(
        has_ended,
        exports.c.finished_at > bindparam("since", type_=UtcDateTime()),
        exports.c.finished_at <= bindparam("until", type_=UtcDateTime()),
        exports.c.state == State.CANCELLED.value,
        events.c.kind == "cancel",
        events.c.step == Step.DOWNLOAD.value,
        events.c.at == exports.c.finished_at,
    )
)
_GIVE_UP_NAME = (
    update(exports)
    .where(
        exports.c.id == bindparam("of"),
        exports.c.state == State.CANCELLED.value,
        exports.c.withdrawals == bindparam("so_far"),
    )
    .values(withdrawals=exports.c.withdrawals + 1)
)


def ended_in(connection: Connection, job: ExportJob) -> Step | None:
    """The step that was due when the export ended, None where it ended in the queue."""
    step = connection.execute(_ENDED_IN, {"of": job.id, "ended_as": job.state.value}).scalar_one_or_none()
    return Step(step) if step else None


def first_generation(connection: Connection, export_id: str) -> int:
    """The number of the first report that the present life could order."""
    return connection.execute(_FIRST_GENERATION, {"of": export_id}).scalar_one_or_none() or 1


def cancelled_downloads(connection: Connection, *, within: timedelta, but: timedelta) -> list[ExportJob]:
    """The exports that were cancelled before or in their download within this time, but not within that last one."""
    now = read_clock(connection)
    return [
        job_of(row) for row in connection.execute(_CANCELLED_DOWNLOADS, {"since": now - within, "until": now - but})
    ]


def give_up_name(connection: Connection, job: ExportJob) -> None:
    """Let no later life of a cancelled export use the name that its file has now, unless one has begun."""
    # Its version stays: this is no step, and a retry writes nothing but what it changes.
    connection.execute(_GIVE_UP_NAME, {"of": job.id, "so_far": job.withdrawals})
