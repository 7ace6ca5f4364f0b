"""Gives free slots to queued exports; a slot is a row in a slot-holding state, counted and never incremented."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, case, exists, func, select

from landfall import failpoints
from landfall.database import accounts, ledger, turns
from landfall.database.clock import utc_now
from landfall.database.tables import accounts as account_rows
from landfall.database.tables import exports, is_queued
from landfall.exports.job import ExportJob
from landfall.exports.settling import admit
from landfall.exports.throttle import Throttle

# A worker's transactions run on its event loop's thread, and an admission takes a fifth of a millisecond of it.
MOST_AT_ONCE = 50


def admit_next(
    connection: Connection, account: str, locked: tuple[Throttle, datetime] | None = None
) -> list[ExportJob]:
    """Fill the account's free slots from its queue, by priority, then turn; returns what was admitted.

    After MOST_AT_ONCE it leaves the rest to whoever sweeps.

    Runs in the caller's transaction, so that the one that frees a slot also gives it away. The account's row is
    locked first (on SQLite the transaction itself holds the only write lock): two admissions never count at once.
    A caller that holds the lock already passes the throttle that it read or wrote, and the database's time.
    """
    throttle, now = locked or accounts.lock(connection, account)
    failpoints.reach("admission.locked", account)
    free = throttle.admits(accounts.slots_used(connection, account), now)
    admitted = _admitted(connection, account, min(free, MOST_AT_ONCE), now) if free > 0 else []
    if admitted:
        turns.advance(connection, account, admitted)
        taken = throttle.admitted(len(admitted), now, by=admitted[0].id)
        if taken != throttle:
            accounts.write(connection, account, taken)
    return admitted


def accounts_with_room(connection: Connection) -> Sequence[str]:
    """The accounts that have exports queued and slots that came free without a settlement.

    So it is when a block or a hold has ended, or a limit was raised.
    """
    rows = account_rows.c
    limit = func.coalesce(rows.slot_limit, rows.max_started)
    query = select(rows.name).where(
        exists().where(exports.c.account == rows.name, is_queued),
        rows.paused_at.is_(None),
        rows.blocked_until.is_(None) | (rows.blocked_until <= utc_now()),
        rows.open_until.is_(None) | (rows.open_until <= utc_now()),
        accounts.count_slots(rows.name) + 1 <= case((limit < rows.max_started, limit), else_=rows.max_started),
    )
    return connection.execute(query).scalars().all()


def _admitted(connection: Connection, account: str, free: int, now: datetime) -> list[ExportJob]:
    waiting = [(job, admit(job, now=now)) for job in ledger.find_queued(connection, account, free)]
    return [settled.job for job, settled in waiting if ledger.save(connection, job, settled, at=now)]
