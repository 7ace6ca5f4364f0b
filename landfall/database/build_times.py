"""Keeps how long reports took to build, newest first, for the poller to learn from."""

import random
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select

from landfall.database.tables import build_times
from landfall.exports.build_times import Sighting
from landfall.exports.job import ExportJob
from landfall.exports.poll_policy import PollPolicy

WINDOW = 200
_KEPT = 2 * WINDOW
_USUAL = 0.99
# Seconds between two polls of a report, at the longest.
_LONGEST_GAP = PollPolicy().learned_cap
_INSERT = insert(build_times)
_NEWEST = (
    select(build_times.c.id, build_times.c.building, build_times.c.finished)
    .where(build_times.c.account == bindparam("account"), build_times.c.report_type == bindparam("report_type"))
    .order_by(build_times.c.id.desc())
)
_LAST = _NEWEST.limit(1)
_RECENT = _NEWEST.limit(WINDOW)
_KINDS = (
    select(build_times.c.report_type)
    .where(build_times.c.account == bindparam("account"))
    .distinct()
    .order_by(build_times.c.report_type)
)
_FIRST_TO_GO = _NEWEST.offset(_KEPT).limit(1)


def record(connection: Connection, job: ExportJob, told: float | None, *, now: datetime) -> None:
    """Keep how long the report of an export took that was found finished just now.

    The vendor's own word counts where it fits between the last "not yet" and now; else only those two are known. A time
    that its polls cannot account for tells nothing: the clock has jumped, or nobody asked for long.
    """
    if job.started_at is None:
        return
    latest = (now - job.started_at).total_seconds()
    earliest = (job.polled_at - job.started_at).total_seconds() if job.polled_at else 0.0
    fits = told is not None and earliest <= told <= latest
    if not fits and latest > (job.polls + 2) * _LONGEST_GAP:
        return
    known = Sighting(told, told) if told is not None and fits else Sighting(earliest, latest)
    key = {"account": job.account, "report_type": job.report_type}
    connection.execute(_INSERT, {**key, "building": known.building, "finished": known.finished, "at": now})
    if random.randrange(WINDOW) == 0:  # noqa: S311 - it spreads the work, nothing more
        _forget_the_oldest(connection, job.account, job.report_type)


def recent(connection: Connection, account: str, report_type: str) -> Sequence[Sighting]:
    """What is known of the last finished reports of this kind, oldest first."""
    rows = connection.execute(_RECENT, {"account": account, "report_type": report_type}).all()
    return [Sighting(row.building, row.finished) for row in reversed(rows)]


def kinds(connection: Connection, account: str) -> Sequence[str]:
    """The report types of the account of which something is known."""
    return connection.execute(_KINDS, {"account": account}).scalars().all()


def newest(connection: Connection, account: str, report_type: str) -> int | None:
    """The number of the last one that was recorded: while it stays, there is nothing new to learn."""
    row = connection.execute(_LAST, {"account": account, "report_type": report_type}).one_or_none()
    return row.id if row else None


def longest_usual(connection: Connection, job: ExportJob) -> float:
    """The build time in seconds that 99 of 100 reports of this kind stay below, 0 while none is known."""
    seconds = sorted(each.finished for each in recent(connection, job.account, job.report_type))
    return seconds[min(len(seconds) - 1, int(_USUAL * len(seconds)))] if seconds else 0.0


def _forget_the_oldest(connection: Connection, account: str, report_type: str) -> None:
    kept = connection.execute(_FIRST_TO_GO, {"account": account, "report_type": report_type}).one_or_none()
    if kept:
        connection.execute(
            delete(build_times).where(
                build_times.c.account == account, build_times.c.report_type == report_type, build_times.c.id <= kept.id
            ),
        )
