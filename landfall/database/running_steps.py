"""Lists the starts and downloads that workers run at this moment: those hold a lease, as polls do not."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from landfall.database.clock import utc_now
from landfall.database.tables import exports, is_dated
from landfall.exports.states import STEP_DUE, State, Step

_RUNNING = (
    select(
        exports.c.id, exports.c.account, exports.c.report_type, exports.c.state, exports.c.attempts, exports.c.due_at
    )
    .where(is_dated, exports.c.leased, exports.c.due_at > utc_now())
    .order_by(exports.c.due_at, exports.c.id)
    .limit(bindparam("most"))
)
_OF_THESE = _RUNNING.where(exports.c.account.in_(bindparam("these", expanding=True)))


@dataclass(frozen=True, slots=True)
class RunningStep:
    """A step that a worker runs for an export; `until` is when another takes it unless the worker is heard of."""

    export_id: str
    account: str
    report_type: str
    step: Step
    attempt: int
    until: datetime


def running(connection: Connection, limit: int, within: Collection[str] | None = None) -> Sequence[RunningStep]:
    """Up to `limit` of them, of all accounts or of these; which worker runs one is written down nowhere."""
    query = _RUNNING if within is None else _OF_THESE
    values = {"most": limit} | ({} if within is None else {"these": sorted(within)})
    return [
        RunningStep(row.id, row.account, row.report_type, STEP_DUE[State(row.state)], row.attempts, row.due_at)
        for row in connection.execute(query, values)
    ]
