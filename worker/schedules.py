"""Keeps the learned poll schedules, refreshed from the database every few seconds."""

import time
from dataclasses import dataclass, replace

from sqlalchemy import Connection, exists, select

from landfall.database import build_times
from landfall.database.connection import Database, DatabaseUnavailable
from landfall.database.tables import exports, is_queued
from landfall.exports.job import ExportJob
from landfall.exports.policy import Policy
from landfall.exports.schedule import Schedule, learn

_FRESH_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Known:
    schedule: Schedule | None
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
        def work(connection: Connection) -> Schedule | None:
            waiting = select(exists().where(exports.c.account == job.account, is_queued))
            price = policy.price_busy if connection.execute(waiting).scalar_one() else policy.price_idle
            return learn(build_times.recent(connection, job.account, job.report_type), price=price)

        try:
            schedule = await self._database.read(work)
        except DatabaseUnavailable:
            known = self._known.get((job.account, job.report_type))
            schedule = known.schedule if known else None
        return _Known(schedule, time.monotonic() + _FRESH_SECONDS)
