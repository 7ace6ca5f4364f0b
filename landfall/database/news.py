"""Finds the news that webhooks have yet to be told: ends of exports."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select, update

from landfall.database.rows import job_of
from landfall.database.service_tables import batch_accounts
from landfall.database.tables import events, exports, is_untold
from landfall.exports.job import ExportJob, Fault
from landfall.exports.states import TERMINAL, TRANSITIONS, State

_JUDGED_AT_ONCE = 1000
_ANY = select(events.c.id).where(is_untold).limit(1)
# What another process takes at this moment is left to it.
_OLDEST = (
    select(events.c.id, events.c.untold)
    .where(is_untold)
    .order_by(events.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_ENDS = sorted({named for edges in TRANSITIONS.values() for to, named in edges.items() if to in TERMINAL})
_IS_END = events.c.kind.in_(_ENDS) & events.c.state.in_(sorted(state.value for state in TERMINAL))
_JUDGE = (
    update(events)
    .where(events.c.id.in_(bindparam("ids", expanding=True)), events.c.untold.is_(None))
    .values(untold=_IS_END)
)
_ENDS_AMONG = select(events.c.id).where(events.c.id.in_(bindparam("ids", expanding=True)), events.c.untold)
_OF_EVENT = "event_"
_FIND = (
    select(exports, *(column.label(_OF_EVENT + column.name) for column in events.c))
    .join(events, events.c.export_id == exports.c.id)
    .where(events.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(events.c.id)
)
_TELL = update(events).where(events.c.id.in_(bindparam("ids", expanding=True))).values(untold=False)

_ACCOUNTS = select(batch_accounts.c.account).where(batch_accounts.c.batch_id == bindparam("batch"))


class Ended(NamedTuple):
    """An export that ended: how and when, by the event that tells of it, and how it stands now."""

    job: ExportJob
    state: State
    fault: Fault | None
    at: datetime


def any_untold(connection: Connection) -> bool:
    """Whether there is news."""
    return connection.execute(_ANY).first() is not None


def take(connection: Connection, limit: int) -> list[Ended]:
    """The oldest news, which now counts as told; fewer than there are where much of it was still to be judged."""
    oldest = connection.execute(_OLDEST, {"most": limit}).all()
    ids = [row.id for row in oldest]
    # What a worker of an earlier release wrote: many at a time, for few of them tell of an end.
    if any(row.untold is None for row in oldest):
        ids = _judged(connection)[:limit]
    _tell(connection, ids)
    return [_ended(row) for row in connection.execute(_FIND, {"ids": ids})] if ids else []


def drop(connection: Connection, limit: int) -> int:
    """Count the oldest news as told without reading it; returns how many."""
    ids = connection.execute(_OLDEST, {"most": limit}).scalars().all()
    _tell(connection, ids)
    return len(ids)


def accounts_of_batch(connection: Connection, batch_id: str) -> frozenset[str]:
    """Whose exports the batch has."""
    return frozenset(connection.execute(_ACCOUNTS, {"batch": batch_id}).scalars())


def _judged(connection: Connection) -> list[int]:
    """Find out which of the oldest events are news; returns those that are, in order."""
    ids = connection.execute(_OLDEST, {"most": _JUDGED_AT_ONCE}).scalars().all()
    connection.execute(_JUDGE, {"ids": ids})
    return sorted(connection.execute(_ENDS_AMONG, {"ids": ids}).scalars())


def _tell(connection: Connection, ids: Sequence[int]) -> None:
    if ids:
        connection.execute(_TELL, {"ids": ids})


def _ended(row: Row[Any]) -> Ended:
    code = row.event_error_code
    fault = Fault(code, row.event_error_message, row.event_error_action) if code else None
    return Ended(job_of(row), State(row.event_state), fault, row.event_at)
