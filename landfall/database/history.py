"""Reads what happened in the past hours for the pages: what came and went, how long it took, what failed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Table, func, select

from landfall.database.tally_tables import export_hours, failure_hours, step_hours
from landfall.exports.histogram import Histogram, from_pairs


@dataclass(frozen=True, slots=True)
class HourOfWork:
    """What happened within an hour, which began at `hour`; `bytes` are those of the files that were stored."""

    hour: datetime
    accepted: int
    stored: int
    failed: int
    cancelled: int
    bytes: int


@dataclass(frozen=True, slots=True)
class HourOfPhase:
    """How long a phase (queue, start, poll, download, build or landing) took within an hour, in seconds."""

    hour: datetime
    phase: str
    runs: int
    mean: float
    p50: float
    p95: float
    longest: float


@dataclass(frozen=True, slots=True)
class FailuresOfKind:
    """The exports of an account that failed in the same way, and the last of them; `step` is None where none was due."""

    account: str
    step: str | None
    error_code: str
    failures: int
    last_at: datetime
    last_export_id: str
    error_message: str | None
    error_action: str | None


def throughput(
    connection: Connection, *, since: datetime, accounts: frozenset[str] | None, account: str | None = None
) -> Sequence[HourOfWork]:
    """The hours from `since` on, oldest first, without those in which nothing happened.

    All accounts together, or this one; `accounts` are those that the caller may see, None for all.
    """
    table = export_hours
    sums = (func.sum(table.c[name]) for name in ("accepted", "stored", "failed", "cancelled", "bytes"))
    query = _within(select(table.c.hour, *sums), table, since, accounts, account)
    rows = connection.execute(query.group_by(table.c.hour).order_by(table.c.hour))
    return [HourOfWork(row[0], *map(int, row[1:])) for row in rows]


def latency(
    connection: Connection,
    *,
    since: datetime,
    accounts: frozenset[str] | None,
    account: str | None = None,
    phase: str | None = None,
) -> Sequence[HourOfPhase]:
    """How long each phase, or this one, took in each hour, oldest first; of whom, as for `throughput`."""
    table = step_hours
    columns = (table.c.hour, table.c.phase, table.c.runs, table.c.seconds, table.c.max_seconds, table.c.ranges)
    merged: dict[tuple[datetime, str], Histogram] = {}
    query = _within(select(*columns), table, since, accounts, account)
    for row in connection.execute(query if phase is None else query.where(table.c.phase == phase)):
        found = Histogram(row.runs, row.seconds, row.max_seconds, from_pairs(row.ranges))
        merged.setdefault((row.hour, row.phase), Histogram()).merge(found)
    return [
        HourOfPhase(hour, phase, of.runs, of.mean, of.percentile(0.5), of.percentile(0.95), of.longest)
        for (hour, phase), of in sorted(merged.items(), key=lambda each: each[0])
    ]


def failures(
    connection: Connection, *, since: datetime, accounts: frozenset[str] | None, account: str | None = None
) -> Sequence[FailuresOfKind]:
    """What failed since then, by account, step and error, the latest first; of whom, as for `throughput`."""
    table = failure_hours
    query = _within(select(table), table, since, accounts, account).order_by(table.c.last_at)
    found: dict[tuple[str, str, str], FailuresOfKind] = {}
    for row in connection.execute(query):
        key = (row.account, row.step, row.error_code)
        before = found.pop(key).failures if key in found else 0
        found[key] = FailuresOfKind(
            account=row.account,
            step=row.step or None,
            error_code=row.error_code,
            failures=before + row.failures,
            last_at=row.last_at,
            last_export_id=row.last_export_id,
            error_message=row.error_message,
            error_action=row.error_action,
        )
    return list(reversed(found.values()))


def _within(
    query: Select[Any], table: Table, since: datetime, accounts: frozenset[str] | None, account: str | None
) -> Select[Any]:
    """From the hour on in which `since` lies."""
    query = query.where(table.c.hour >= since.replace(minute=0, second=0, microsecond=0))
    if accounts is not None:
        query = query.where(table.c.account.in_(sorted(accounts)))
    return query if account is None else query.where(table.c.account == account)
