"""Plants one of everything that a dashboard shows."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, update

from landfall.database import accounts, ledger
from landfall.database.service_tables import batches, deliveries, workers
from landfall.database.tables import accounts as account_rows
from landfall.database.tables import build_times, exports, freshness
from landfall.database.tally_tables import export_hours, failure_hours, step_hours
from landfall.exports.job import Fault
from landfall.exports.states import State
from tests.database.databases import LIMITS
from tests.exports.jobs import make_job

ERROR = "request_refused"
FAULT = Fault(ERROR, "the vendor refused the report's range", "Ask for a shorter one.")
_COUNTERS = (
    "accepted started stored empty failed cancelled retried polls throttled crashes bytes rows".split()  # noqa: SIM905 - one line
)
_PHASES = ("queue", "start", "poll", "download", "build", "landing")


def plant(connection: Connection) -> None:
    """Fill a new database: what has an hour or an age gets the last full hour's."""
    now = datetime.now(UTC)
    hour = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    accounts.register(connection, LIMITS)
    said = {"error_code": ERROR, "error_message": FAULT.message, "error_action": FAULT.action}
    shut = {"blocked_until": now + timedelta(hours=1), "open_until": now + timedelta(hours=1), "paused_at": now}
    connection.execute(update(account_rows).where(account_rows.c.name == "shop-bwp").values(**said, **shut))
    ledger.accept(connection, [_export(state, hour) for state in State])
    failed = exports.c.state == State.FAILED
    connection.execute(update(exports).where(failed).values(**said))
    for account, limits in LIMITS.items():
        _count(connection, {"account": account, "vendor": limits.vendor, "report_type": "USER_EVENTS"}, hour, said)
        _judge(connection, {"account": account, "report_type": "USER_EVENTS"}, hour)
    _surround(connection, now)


def _export(state: State, hour: datetime) -> Any:
    ended = state in {State.STORED, State.FAILED, State.CANCELLED}
    return make_job(
        id=f"exp_{state}",
        state=state,
        request_hash=state.value,
        created_at=hour,
        started_at=None if state is State.QUEUED else hour,
        finished_at=hour + timedelta(minutes=9) if ended else None,
    )


def _count(connection: Connection, kind: dict[str, str], hour: datetime, said: dict[str, str]) -> None:
    counts = {name: number for number, name in enumerate(_COUNTERS, 2)}
    connection.execute(insert(export_hours).values(hour=hour, **kind, **counts))
    lasted = {"runs": 4, "seconds": 90.0, "p50_seconds": 20.0, "p95_seconds": 40.0, "max_seconds": 41.0, "ranges": []}
    for phase in _PHASES:
        connection.execute(insert(step_hours).values(hour=hour, **kind, phase=phase, **lasted))
    last = {"failures": 3, "last_at": hour, "last_export_id": "exp_failed"}
    for step in ("start", "poll"):
        connection.execute(insert(failure_hours).values(hour=hour, **kind, step=step, **last, **said))


def _judge(connection: Connection, kind: dict[str, str], hour: datetime) -> None:
    reach = {"window_end": hour, "stored_at": hour, "export_id": "exp_stored", "target_seconds": 60.0}
    connection.execute(insert(freshness).values(**kind, **reach))
    for built in (100.0, 300.0):
        connection.execute(insert(build_times).values(**kind, building=built - 10, finished=built, at=hour))


def _surround(connection: Connection, now: datetime) -> None:
    said = {"id": "host:1:a", "version": "1", "started_at": now, "seen_at": now, "running": 2, "metrics": ""}
    connection.execute(insert(workers).values(**said))
    connection.execute(insert(batches).values(id="bat_1", requested=3, labels={}, created_at=now))
    told = {"type": "export.stored", "subject": "exp_stored", "payload": "{}", "attempts": 2, "error": "no answer"}
    hour_ago = now - timedelta(hours=1)
    pending = {"id": "msg_1", "state": "pending", "due_at": now, "account": "shop-bwp", "webhook": "shop"}
    failed = {"id": "msg_2", "state": "failed", "finished_at": now, "account": "shop-ab", "status": 500}
    for values in (pending, failed):
        connection.execute(insert(deliveries).values(created_at=hour_ago, **told, **values))
