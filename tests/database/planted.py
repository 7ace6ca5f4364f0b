"""Plants rows that give every column of every view a value."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection, insert, update

from landfall.database import (
    batches,
    build_times,
    deliveries,
    ledger,
    orphans,
    service_tables,
    tallying,
    workers,
)
from landfall.database import tables as t
from landfall.database.clock import read_clock
from landfall.database.deliveries import Delivery
from landfall.exports.job import Artifact, ExportJob, Fault
from landfall.exports.settling import Event
from landfall.exports.states import State, Step
from tests.database.databases import LIMITS
from tests.exports.jobs import NOON, make_job

ACCOUNT = "shop-bwp"
FAULT = Fault("report_lost", "it is gone: 100 %", "Submit it again.")
FILE = Artifact("file:///landed/x.csv", 2**40, 2**33, "a" * 64, ("id", "größe"), empty=True, header_hash="b" * 64)


def plant(connection: Connection) -> datetime:
    """Write them beside the accounts of LIMITS and count the events; returns the database's time."""
    now = read_clock(connection)
    stored = make_job(
        id="exp_stored",
        state=State.STORED,
        tenant="a",
        labels={"team": "ä"},
        started_at=NOON + timedelta(seconds=60),
        finished_at=NOON + timedelta(seconds=90.5),
        deadline_at=NOON + timedelta(hours=12),
        artifact=FILE,
    )
    failed = make_job(id="exp_failed", state=State.FAILED, error=FAULT, finished_at=NOON + timedelta(seconds=5))
    late = make_job(
        id="exp_late", state=State.EXPORTING, due_at=now - timedelta(seconds=30), started_at=NOON, polled_at=NOON
    )
    ready = make_job(id="exp_ready", state=State.READY, due_at=now + timedelta(hours=1))
    queued = [make_job(id=f"exp_queued_{number}", created_at=now - timedelta(seconds=40)) for number in range(2)]
    ledger.accept(connection, [stored, failed, late, ready, *queued])
    connection.execute(update(t.exports).where(t.exports.c.id == stored.id).values(file_removed_at=NOON))
    _tell(connection, stored, failed)
    orphans.record(connection, late, "r1", now=now, hold=timedelta(hours=1))
    build_times.record(connection, late, None, now=NOON + timedelta(seconds=10))
    build_times.record(connection, late, 4.0, now=NOON + timedelta(seconds=12))
    _burden(connection, now)
    batches.create(connection, "bat_ended", [(stored, True), (failed, True)], {})
    batches.finish(connection)
    batches.create(connection, "bat_live", [(queued[0], True), (stored, False), (failed, False)], {})
    _deliver(connection, now)
    workers.report(connection, workers.Report("host:1:a", "0.7", 3, ""))
    fresh = {"window_end": now - timedelta(hours=2), "stored_at": now, "export_id": stored.id}
    kinds: Sequence[tuple[str, float | None, dict[str, object]]] = (
        ("USER_EVENTS", 3600.0, fresh),
        ("ORDERS", 86_400.0, fresh),
        ("REFUNDS", 60.0, {}),
        ("ITEMS", None, fresh),
    )
    for kind, target, known in kinds:
        row = {"account": ACCOUNT, "report_type": kind, "target_seconds": target}
        connection.execute(insert(t.freshness).values(**row, **known))
    count_all(connection)
    return now


def count_all(connection: Connection, limit: int = 1000) -> None:
    """Count every event within this transaction, so many at a time."""
    mark = tallying.resume(connection, now=0.0)
    while (counted := tallying.count(connection, mark, now=1e9, limit=limit)).after.id > mark.id:
        assert tallying.write(connection, counted)
        mark = counted.after


def _tell(connection: Connection, stored: ExportJob, failed: ExportJob) -> None:
    told = partial(ledger.note, connection)
    after = {seconds: NOON + timedelta(seconds=seconds) for seconds in (2, 3, 5, 60, 80, 90)}
    told(stored, Event("admit", None, 0), at=after[2])
    told(failed, Event("admit", None, 0), at=after[3])
    _step(connection, failed, Event("give up", Step.START, 1, FAULT, "a note"), after[5], 1.5)
    _step(connection, stored, Event("start", Step.START, 1), after[60], 0.25)
    _step(connection, stored, Event("poll", Step.POLL, 0), after[80], 0.125)
    _step(connection, stored, Event("download", Step.DOWNLOAD, 1), after[90], 8.0)


def _step(connection: Connection, job: ExportJob, event: Event, at: datetime, seconds: float) -> None:
    ledger.note(connection, job, event, at=at)
    newest = t.events.c.export_id == job.id, t.events.c.kind == event.kind
    connection.execute(update(t.events).where(*newest).values(seconds=seconds))


def _burden(connection: Connection, now: datetime) -> None:
    soon = now + timedelta(hours=1)
    closed = {"error_code": FAULT.code, "error_message": FAULT.message, "error_action": FAULT.action}
    burden = {"slot_limit": 3.7, "blocked_until": soon, "open_until": soon, "paused_at": NOON, "paused_by": "anna"}
    connection.execute(update(t.accounts).where(t.accounts.c.name == ACCOUNT).values(**burden, **closed))
    past = {"blocked_until": now - timedelta(seconds=1)}
    connection.execute(update(t.accounts).where(t.accounts.c.name == "shop-ab").values(**past))
    assert set(LIMITS) == {ACCOUNT, "shop-ab"}


def _deliver(connection: Connection, now: datetime) -> None:
    new = Delivery(
        id="dlv_1",
        webhook="ops",
        type="export.stored",
        subject="exp_stored",
        account=ACCOUNT,
        payload="{}",
        created_at=now,
        due_at=now,
    )
    deliveries.add(connection, [new])
    ended = {"state": "failed", "finished_at": now, "status": 500, "error": "it answered 500", "attempts": 3}
    connection.execute(update(service_tables.deliveries).values(**ended))
