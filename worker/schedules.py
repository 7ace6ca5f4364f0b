"""Keeps the learned poll schedules, refreshed from the database every few seconds."""

import time
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection, bindparam, exists, select

from landfall.database import build_times
from landfall.database.connection import Database, DatabaseUnavailable
from landfall.database.tables import exports, is_queued
from landfall.exports.job import ExportJob
from landfall.exports.policy import Policy
from landfall.exports.schedule import Schedule, learn

_FRESH_SECONDS = 2.0
_WAITING = select(exists().where(exports.c.account == bindparam("account"), is_queued))


@dataclass(frozen=True, slots=True)
class _Known:
    """A schedule, the newest build time and the price that it was made of, and how long nobody looks for others."""

    schedule: Schedule | None
    made_of: tuple[int | None, float]
    until: float


class Schedules:
    """When to poll the reports of each account and report type, as learned from the finished ones."""

    def __init__(self, database: Database) -> None:
        """Know nothing yet."""
        self._database = database
        self._known: dict[tuple[str, str], _Known] = {}

    async def into(self, policy: Policy, job: ExportJob) -> Policy:
        """The policy with the schedule for this export's kind of report."""
        key = (job.account, job.report_type)
        known = self._known.get(key)
        if known is None or known.until < time.monotonic():
            known = await self._learn(policy, job)
            self._known[key] = known
        return replace(policy, schedule=known.schedule)

    async def _learn(self, policy: Policy, job: ExportJob) -> _Known:
        known = self._known.get((job.account, job.report_type))
        try:
            schedule, made_of = await self._database.read(partial(_learned, policy=policy, job=job, known=known))
        except DatabaseUnavailable:
            schedule, made_of = (known.schedule, known.made_of) if known else (None, (None, 0.0))
        return _Known(schedule, made_of, time.monotonic() + _FRESH_SECONDS)


def _learned(
    connection: Connection, policy: Policy, job: ExportJob, known: _Known | None
) -> tuple[Schedule | None, tuple[int | None, float]]:
    """The schedule as of now; the one that is known where nothing that it was made of has changed."""
    busy = connection.execute(_WAITING, {"account": job.account}).scalar_one()
    newest = build_times.newest(connection, job.account, job.report_type)
    made_of = newest, policy.price_busy if busy else policy.price_idle
    if known and known.made_of == made_of:
        return known.schedule, made_of
    return learn(build_times.recent(connection, job.account, job.report_type), price=made_of[1]), made_of
