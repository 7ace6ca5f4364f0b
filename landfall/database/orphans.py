"""Keeps reports that no export waits for in a slot of its own: they count as slots until they have ended.

A start whose answer was lost may have made one (its id is not known then); an export that was cancelled or gave up
leaves one. One whose id is known is polled until it ends, and adopted by an export that asks for the same.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, insert, select, update

from landfall.database.clock import utc_now
from landfall.database.tables import is_held, orphans
from landfall.exports.fingerprint import fingerprint
from landfall.exports.job import ExportJob

# A report lives seven days from its creation (Buy with Prime, "Get the status of an analytics report").
REPORT_LIFE = timedelta(days=7)
_ADOPTABLE = (
    select(orphans.c.id, orphans.c.report_id)
    .where(
        orphans.c.account == bindparam("owner"),
        orphans.c.order_hash == bindparam("asked"),
        orphans.c.report_id.is_not(None),
        is_held | (orphans.c.built & (orphans.c.export_id == bindparam("own"))),
        orphans.c.created_at > bindparam("oldest"),
    )
    .order_by(orphans.c.id)
    .limit(1)
)

_WAS_ONE = (
    select(orphans.c.id)
    .where(
        orphans.c.account == bindparam("owner"),
        orphans.c.order_hash == bindparam("asked"),
        orphans.c.report_id == bindparam("sought"),
    )
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Orphan:
    """A report without an export; `report_id` is always known here, the others only count."""

    id: int
    account: str
    export_id: str
    report_id: str


def record(connection: Connection, job: ExportJob, report_id: str | None, *, now: datetime, hold: timedelta) -> None:
    """Keep a report that `job` leaves behind: one of unknown id for `hold`, a known one until it has ended."""
    if report_id and _name(connection, job, report_id, now):
        return
    connection.execute(
        insert(orphans).values(
            account=job.account,
            export_id=job.id,
            attempt=job.attempts,
            generation=job.generation,
            order_hash=fingerprint(job.request),
            report_id=report_id,
            created_at=now,
            held_until=now + (REPORT_LIFE if report_id else hold),
            due_at=now if report_id else None,
        ),
    )


def adopt(connection: Connection, job: ExportJob, *, now: datetime) -> str | None:
    """The id of a report that serves the export as well as a new one would; it is an orphan no longer.

    That is one still in the making for the same request, or one built for this very export: what was built for another
    may be older than what its owner wants now.
    """
    sought = {
        "owner": job.account,
        "asked": fingerprint(job.request),
        "own": job.id,
        "oldest": now - REPORT_LIFE,
    }
    row = connection.execute(_ADOPTABLE, sought).one_or_none()
    if row is None:
        return None
    connection.execute(update(orphans).where(orphans.c.id == row.id).values(ended_at=now, due_at=None, built=False))
    return str(row.report_id)


def was_adopted(connection: Connection, job: ExportJob) -> bool:
    """Whether the export's report was an orphan before: it was ordered at another time than this export's start."""
    sought = {"owner": job.account, "asked": fingerprint(job.request), "sought": job.report_id}
    return connection.execute(_WAS_ONE, sought).one_or_none() is not None


def disown(connection: Connection, job: ExportJob) -> None:
    """Let no export adopt the reports of this request that are there now; those in the making go on counting."""
    asked = (orphans.c.account == job.account, orphans.c.order_hash == fingerprint(job.request))
    connection.execute(update(orphans).where(*asked).values(order_hash=""))


def find_due(connection: Connection, limit: int) -> list[Orphan]:
    """The orphans to be polled now."""
    rows = connection.execute(
        select(orphans).where(orphans.c.due_at <= utc_now()).order_by(orphans.c.due_at).limit(limit),
    )
    return [Orphan(row.id, row.account, row.export_id, row.report_id) for row in rows]


def put_off(connection: Connection, orphan: Orphan, until: datetime) -> bool:
    """Poll it again then; False if somebody else has moved it meanwhile."""
    still = (orphans.c.id == orphan.id, is_held, orphans.c.due_at <= utc_now())
    return connection.execute(update(orphans).where(*still).values(due_at=until)).rowcount == 1


def end(connection: Connection, orphan: Orphan, *, now: datetime, built: bool) -> bool:
    """Let go of its slot; one that was built can still be adopted by the export that ordered it."""
    still = (orphans.c.id == orphan.id, is_held)
    values = {"ended_at": now, "due_at": None, "built": built}
    return connection.execute(update(orphans).where(*still).values(**values)).rowcount == 1


def _name(connection: Connection, job: ExportJob, report_id: str, now: datetime) -> bool:
    """An answer that was lost comes late: the hold of unknown id gets its name."""
    unnamed = (
        select(orphans.c.id)
        .where(
            orphans.c.export_id == job.id,
            orphans.c.generation == job.generation,
            orphans.c.attempt == job.attempts,
            orphans.c.report_id.is_(None),
        )
        .limit(1)
        .scalar_subquery()
    )
    named = update(orphans).where(orphans.c.id == unnamed)
    values = {"report_id": report_id, "held_until": now + REPORT_LIFE, "due_at": now, "ended_at": None}
    return connection.execute(named.values(**values)).rowcount == 1
