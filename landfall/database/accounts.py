"""Keeps accounts: their limits from the settings, and how they may be used now."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, select, update

from landfall.database import freshness
from landfall.database.clock import utc_now, wall_clock
from landfall.database.freshness import Freshness
from landfall.database.rows import job_of
from landfall.database.tables import accounts, exports, holds_slot, is_held, is_queued, orphans
from landfall.database.upsert import insert_missing
from landfall.exports.job import ExportJob, Fault
from landfall.exports.throttle import AccountLimits, Throttle


@dataclass(frozen=True, slots=True)
class AccountSlots:
    """How an account stands: its slots, its queue, what keeps it from being used, and how fresh its files are."""

    name: str
    vendor: str
    throttle: Throttle
    slots_used: int
    queued: int
    freshness: Sequence[Freshness]


def register(connection: Connection, limits: Mapping[str, AccountLimits]) -> None:
    """Write down the accounts of the settings, by name. One that has left them keeps its row, but no freshness target."""
    # In one order, lest two processes wait for each other.
    for name, each in sorted(limits.items()):
        values = {
            "vendor": each.vendor,
            "max_started": each.max_started,
            "rate_burst": each.rate_burst,
            "rate_refill": each.rate_refill,
            "tenant_weights": dict(each.tenant_weights),
        }
        if not insert_missing(connection, accounts, {"name": name, **values}):
            connection.execute(update(accounts).where(accounts.c.name == name).values(**values))
    freshness.register(connection, {name: each.freshness for name, each in limits.items()})


def find_export(connection: Connection, export_id: str) -> tuple[ExportJob, Throttle, datetime] | None:
    """An export, how its account may be used, and the database's time: all that a poll needs, in one query."""
    row = connection.execute(_FIND_EXPORT, {"export_id": export_id}).one_or_none()
    return (job_of(row), _throttle(row, _OF_ACCOUNT), row.now) if row else None


def lock(connection: Connection, name: str) -> tuple[Throttle, datetime]:
    """How the account may be used, and the database's time; no other transaction decides on it until this one ends."""
    row = connection.execute(_LOCK, {"account": name}).one()
    return _throttle(row), row.now


def write(connection: Connection, name: str, throttle: Throttle) -> None:
    """Keep what has become of the account."""
    fault = throttle.reason
    columns = {
        "slot_limit": throttle.limit,
        "strikes": throttle.strikes,
        "blocked_until": throttle.blocked_until,
        "failures": throttle.failures,
        "open_until": throttle.open_until,
        "probing": throttle.probing,
        "probe": throttle.probe,
        "error_code": fault.code if fault else None,
        "error_message": fault.message if fault else None,
        "error_action": fault.action if fault else None,
        "tokens": throttle.tokens,
        "tokens_at": throttle.tokens_at,
    }
    connection.execute(_WRITE, {"account": name, **columns})


def pause(connection: Connection, name: str, at: datetime, by: str) -> None:
    """Have nothing started for the account since then; `by` is the name of the key whose wish it is."""
    connection.execute(_WRITE, {"account": name, "paused_at": at, "paused_by": by})


def resume(connection: Connection, name: str) -> None:
    """Have the account go on."""
    connection.execute(_WRITE, {"account": name, "paused_at": None, "paused_by": None})


def count_slots(name: str | ColumnElement[str]) -> ColumnElement[int]:
    """Slots in use: exports that hold one, and reports that may still be in the making for nobody."""
    holding = select(func.count()).select_from(exports).where(exports.c.account == name, holds_slot)
    held = (
        select(func.count())
        .select_from(orphans)
        .where(orphans.c.account == name, is_held, orphans.c.held_until > utc_now())
    )
    return holding.scalar_subquery() + held.scalar_subquery()


_OF_ACCOUNT = "account_"
_FIND_EXPORT = (
    select(exports, utc_now().label("now"), *(column.label(_OF_ACCOUNT + column.name) for column in accounts.c))
    .join(accounts, accounts.c.name == exports.c.account)
    .where(exports.c.id == bindparam("export_id"))
)
# The row is locked inside, so that the clock is read when the wait for the lock is over.
_LOCKED = select(accounts).where(accounts.c.name == bindparam("account")).with_for_update().subquery()
_LOCK = select(_LOCKED, wall_clock().label("now"))
_WRITE = update(accounts).where(accounts.c.name == bindparam("account"))
_SLOTS_USED = select(count_slots(bindparam("account")))


def slots_used(connection: Connection, name: str) -> int:
    """Slots in use by the account of this name."""
    return int(connection.execute(_SLOTS_USED, {"account": name}).scalar_one())


def stand(connection: Connection, names: Iterable[str]) -> list[AccountSlots]:
    """The accounts of these names, as their rows stand now."""
    names = list(names)
    queued = select(func.count()).where(exports.c.account == accounts.c.name, is_queued).scalar_subquery()
    query = select(accounts, queued.label("queued"), count_slots(accounts.c.name).label("used"))
    rows = connection.execute(query.where(accounts.c.name.in_(names)).order_by(accounts.c.name)).all()
    fresh: dict[str, list[Freshness]] = {row.name: [] for row in rows}
    for each in freshness.standings(connection, fresh):
        fresh[each.account].append(each)
    return [AccountSlots(row.name, row.vendor, _throttle(row), row.used, row.queued, fresh[row.name]) for row in rows]


def _throttle(row: Row[Any], prefix: str = "") -> Throttle:
    columns = row._mapping  # noqa: SLF001 - SQLAlchemy's documented accessor

    def of(name: str) -> Any:  # noqa: ANN401 - a column's value
        return columns[prefix + name]

    code = of("error_code")
    return Throttle(
        max_started=of("max_started"),
        limit=min(of("max_started"), of("slot_limit") or of("max_started")),
        strikes=of("strikes"),
        blocked_until=of("blocked_until"),
        failures=of("failures"),
        open_until=of("open_until"),
        reason=Fault(code, of("error_message"), of("error_action")) if code else None,
        probing=of("probing"),
        probe=of("probe"),
        burst=of("rate_burst"),
        refill=of("rate_refill"),
        tokens=of("tokens"),
        tokens_at=of("tokens_at"),
        paused_at=of("paused_at"),
        paused_by=of("paused_by"),
    )
