"""Tells by /metrics what happened, and asks the sandbox whether it is true."""

import signal
import sqlite3
from contextlib import closing

import pytest

from tests.exposed import Exposed
from tests.stack import ROOT, Stack, until


def scrape(stack: Stack) -> Exposed:
    return Exposed(stack.get("/metrics").text)


def stored(stack: Stack, count: int) -> Exposed:
    """A scrape in which the workers say that so many exports were stored."""

    def look() -> Exposed | None:
        found = scrape(stack)
        return found if found.total("landfall_finished_exports_total", state="stored") == count else None

    return until(look, f"{count} stored exports in the metrics")


@pytest.fixture
def stack(stack: Stack) -> Stack:
    """The house, as if no worker had ever been there."""
    with closing(sqlite3.connect(stack.home / "landfall.db", timeout=30)) as database, database:
        database.execute("DELETE FROM workers")
    return stack


@pytest.mark.slow
def test_the_metrics_agree_with_what_the_vendors_saw_and_leave_with_their_worker(stack: Stack) -> None:
    stack.sandbox.fault("throttle", count=2)
    workers = [stack.start("worker") for _ in range(2)]
    ids = [stack.submit("shop-bwp", number) for number in range(6)] + [stack.submit("shop-ab", 1)]
    exports = [stack.wait_for(id_, "stored") for id_ in ids]
    found, stats = stored(stack, 7), stack.sandbox.stats()
    assert found.total("landfall_throttled_answers_total", account="shop-bwp") == stats["throttled"] == 2
    for vendor in ("buy_with_prime", "intelligems"):
        assert stats["starts"][vendor] == found.total(
            "landfall_steps_total", step="start", outcome="advanced", vendor=vendor
        )
        asked = [
            found.total("landfall_steps_total", step="poll", outcome=outcome, vendor=vendor)
            for outcome in ("advanced", "waiting")
        ]
        assert stats["polls"][vendor] == sum(asked)
    assert found.total("landfall_stored_bytes_total") == sum(export["file"]["bytes"] for export in exports)
    assert found.total("landfall_stored_rows_total") == sum(export["file"]["rows"] for export in exports)
    assert found.total("landfall_stored_export_polls_sum") == sum(export["polls"] for export in exports)
    # Intelligems answers a start with the finished report.
    for name, count in {"queue_wait": 7, "build": 6, "export": 7}.items():
        assert found.total(f"landfall_{name}_seconds_count") == count
    assert found.total("landfall_exports") == found.total("landfall_slots_used") == 0
    assert found.one("landfall_workers_alive") == 2
    told = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    assert [name for name in found.names if f"`{name}" not in told and not name.startswith("process_")] == []
    for worker in workers:
        worker.terminate()
        assert worker.wait(20) == 0
    until(lambda: scrape(stack).one("landfall_workers_alive") == 0, "a scrape without workers")
    assert not scrape(stack).values("worker")
    assert stack.get("/readyz").json()["checks"]["workers"]["ok"] is False


@pytest.mark.slow
def test_what_a_killed_worker_counted_stays_for_an_hour_of_the_databases_clock(stack: Stack) -> None:
    killed = stack.start("worker")
    stack.wait_for(stack.submit(), "stored")
    stored(stack, 1)
    killed.send_signal(signal.SIGKILL)
    killed.wait(20)
    stack.start("worker")
    until(lambda: len(scrape(stack).values("worker")) == 2, "the other worker")
    assert scrape(stack).total("landfall_finished_exports_total", state="stored") == 1
    with closing(sqlite3.connect(stack.home / "landfall.db", timeout=30)) as database, database:
        seen = "UPDATE workers SET seen_at = '2020-01-01 00:00:00.000000' WHERE id LIKE ?"
        database.execute(seen, (f"%:{killed.pid}:%",))
    until(lambda: scrape(stack).total("landfall_finished_exports_total") == 0, "a scrape without the dead worker")
