"""Counts what is under way in each account, without a look at any export that has ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, case, func, literal_column, select

from landfall.database import freshness, workers
from landfall.database.accounts import count_slots
from landfall.database.clock import read_clock
from landfall.database.freshness import Freshness
from landfall.database.service_tables import deliveries
from landfall.database.tables import accounts, exports, is_dated, is_queued
from landfall.exports.states import State
from landfall.exports.throttle import Throttle


@dataclass(slots=True)
class AccountGauges:
    """How one account stands: ages in seconds, `live` the exports that have not ended, by state."""

    name: str
    vendor: str
    max_started: int
    slots_limit: int
    slots_used: int
    blocked: bool
    open: bool
    paused: bool
    live: dict[State, int] = field(default_factory=dict)
    oldest_queued: float = 0.0
    overdue: int = 0
    oldest_overdue: float = 0.0


@dataclass(frozen=True, slots=True)
class Gauges:
    """Everything that is counted; `webhooks_late` is for how many seconds the oldest delivery has been due."""

    accounts: Sequence[AccountGauges]
    workers: Sequence[workers.Standing]
    webhooks_waiting: int
    webhooks_late: float
    freshness: Sequence[Freshness]


# One account after the other, in its own stretch of an index: grouped, SQLite would fetch each row of a long queue.
_queue = (exports.c.account == accounts.c.name, is_queued)
_ACCOUNTS = select(
    accounts.c.name,
    accounts.c.vendor,
    accounts.c.max_started,
    accounts.c.slot_limit,
    accounts.c.blocked_until,
    accounts.c.error_code,
    accounts.c.paused_at,
    count_slots(accounts.c.name).label("used"),
    select(func.count()).select_from(exports).where(*_queue).scalar_subquery().label("queued"),
    select(func.min(exports.c.created_at)).where(*_queue).scalar_subquery().label("oldest"),
).order_by(accounts.c.name)
# Grouped by the bare column SQLite would walk an index that has every export in that order.
_WHOSE = exports.c.account.concat(literal_column("''"))
# What has a due time holds a slot or waits for its download.
_UNDER_WAY = (
    select(
        _WHOSE.label("account"),
        exports.c.state,
        func.count().label("number"),
        func.sum(case((exports.c.due_at <= bindparam("now"), 1), else_=0)).label("overdue"),
        func.min(exports.c.due_at).label("first_due"),
    )
    .where(is_dated)
    .group_by(_WHOSE, exports.c.state)
)
_WEBHOOKS = select(func.count().label("number"), func.min(deliveries.c.due_at).label("first_due")).where(
    deliveries.c.due_at.is_not(None)
)


def count(connection: Connection) -> Gauges:
    """Count, in one transaction that reads."""
    now = read_clock(connection)
    found = {row.name: _account(row, now) for row in connection.execute(_ACCOUNTS)}
    _add_under_way(connection, found, now)
    webhooks = connection.execute(_WEBHOOKS).one()
    return Gauges(
        accounts=list(found.values()),
        workers=workers.standings(connection),
        webhooks_waiting=webhooks.number,
        webhooks_late=_seconds_since(webhooks.first_due, now),
        freshness=freshness.standings(connection),
    )


def _account(row: Row[Any], now: datetime) -> AccountGauges:
    throttle = Throttle(row.max_started, row.slot_limit or row.max_started)
    return AccountGauges(
        name=row.name,
        vendor=row.vendor,
        max_started=row.max_started,
        slots_limit=throttle.slots,
        slots_used=row.used,
        blocked=row.blocked_until is not None and row.blocked_until > now,
        open=row.error_code is not None,
        paused=row.paused_at is not None,
        live={State.QUEUED: row.queued} if row.queued else {},
        oldest_queued=_seconds_since(row.oldest, now),
    )


def _add_under_way(connection: Connection, found: Mapping[str, AccountGauges], now: datetime) -> None:
    for row in connection.execute(_UNDER_WAY, {"now": now}):
        account = found[row.account]
        account.live[State(row.state)] = row.number
        account.overdue += row.overdue
        account.oldest_overdue = max(account.oldest_overdue, _seconds_since(row.first_due, now))


def _seconds_since(moment: datetime | None, now: datetime) -> float:
    return max(0.0, (now - moment).total_seconds()) if moment else 0.0
