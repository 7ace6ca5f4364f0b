"""Finds the news that webhooks have yet to be told: ends of exports."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select, text, union, update

from landfall.database.rows import job_of
from landfall.database.service_tables import batch_items
from landfall.database.tables import archived_exports, events, exports
from landfall.exports.job import ExportJob, Fault
from landfall.exports.states import State

# As the index has it: SQLite uses one with a condition only where the query says the same word.
_UNTOLD = text("events.untold")
_ANY = select(events.c.id).where(_UNTOLD).limit(1)
_OLDEST = select(events.c.id).where(_UNTOLD).order_by(events.c.id).limit(bindparam("most"))
_OF_EVENT = "event_"
_FIND = (
    select(exports, *(column.label(_OF_EVENT + column.name) for column in events.c))
    .join(events, events.c.export_id == exports.c.id)
    .where(events.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(events.c.id)
)
_TELL = update(events).where(events.c.id.in_(bindparam("ids", expanding=True))).values(untold=False)

_ACCOUNTS = union(
    *(
        select(table.c.account)
        .join(batch_items, batch_items.c.export_id == table.c.id)
        .where(batch_items.c.batch_id == bindparam("batch"))
        for table in (exports, archived_exports)
    )
)


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
    """The oldest news, which now counts as told; what another process takes at this moment is left to it."""
    ids = _take(connection, limit)
    return [_ended(row) for row in connection.execute(_FIND, {"ids": ids})] if ids else []


def drop(connection: Connection, limit: int) -> int:
    """Count the oldest news as told without reading it; returns how many."""
    return len(_take(connection, limit))


def accounts_of_batch(connection: Connection, batch_id: str) -> frozenset[str]:
    """Whose exports the batch has, archived ones too."""
    return frozenset(connection.execute(_ACCOUNTS, {"batch": batch_id}).scalars())


def _take(connection: Connection, limit: int) -> Sequence[int]:
    ids = connection.execute(_OLDEST.with_for_update(skip_locked=True), {"most": limit}).scalars().all()
    if ids:
        connection.execute(_TELL, {"ids": ids})
    return ids


def _ended(row: Row[Any]) -> Ended:
    code = row.event_error_code
    fault = Fault(code, row.event_error_message, row.event_error_action) if code else None
    return Ended(job_of(row), State(row.event_state), fault, row.event_at)
