"""Gives free slots to queued exports; a slot is a row in a slot-holding state, counted and never incremented."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from landfall.database import ledger
from landfall.database.clock import read_clock
from landfall.database.tables import accounts, exports, holds_slot, is_queued
from landfall.exports.job import ExportJob
from landfall.exports.settling import admit


@dataclass(frozen=True, slots=True)
class AccountSlots:
    """How an account's slots stand."""

    name: str
    vendor: str
    max_started: int
    slots_used: int
    queued: int


def register(connection: Connection, limits: Mapping[str, tuple[str, int]]) -> None:
    """Write down the accounts of the settings: name -> (vendor, max_started)."""
    for name, (vendor, max_started) in limits.items():
        values = {"vendor": vendor, "max_started": max_started}
        if not connection.execute(update(accounts).where(accounts.c.name == name).values(**values)).rowcount:
            connection.execute(insert(accounts).values(name=name, **values))


def admit_next(connection: Connection, account: str) -> list[ExportJob]:
    """Fill the account's free slots from its queue, by priority, then age; returns what was admitted.

    Runs in the caller's transaction, so that the one that frees a slot also gives it away. The account's row is
    locked first (on SQLite the transaction itself holds the only write lock): two admissions never count at once.
    """
    limit = connection.execute(
        select(accounts.c.max_started).where(accounts.c.name == account).with_for_update(),
    ).scalar_one()
    used = connection.execute(
        select(func.count()).select_from(exports).where(exports.c.account == account, holds_slot),
    ).scalar_one()
    if used >= limit:
        return []
    now = read_clock(connection)
    waiting = [(job, admit(job, now=now)) for job in ledger.find_queued(connection, account, limit - used)]
    return [settled.job for job, settled in waiting if ledger.save(connection, job, settled, at=now)]


def admit_everywhere(connection: Connection) -> list[ExportJob]:
    """Fill the free slots of every account that has exports queued: what a changed limit leaves to do."""
    names = connection.execute(select(exports.c.account).where(is_queued).distinct()).scalars().all()
    return [job for name in names for job in admit_next(connection, name)]


def account_slots(connection: Connection, names: Iterable[str]) -> list[AccountSlots]:
    """The accounts of these names, as their rows stand now."""
    used = select(func.count()).where(exports.c.account == accounts.c.name, holds_slot).scalar_subquery()
    queued = select(func.count()).where(exports.c.account == accounts.c.name, is_queued).scalar_subquery()
    rows = connection.execute(
        select(accounts, used.label("slots_used"), queued.label("queued"))
        .where(accounts.c.name.in_(list(names)))
        .order_by(accounts.c.name),
    )
    return [AccountSlots(row.name, row.vendor, row.max_started, row.slots_used, row.queued) for row in rows]
