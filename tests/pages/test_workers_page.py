"""Promises of the page of the workers: who is alive, what runs, what waits, and which part is missing."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, delete, update

from landfall import __version__
from landfall.database import duties, ledger, workers
from landfall.database import tables as t
from landfall.database.clock import read_clock
from landfall.database.keys import Scope
from landfall.database.service_tables import workers as table
from landfall.database.workers import Report
from landfall.exports.states import State
from tests.exports.jobs import make_job
from tests.pages.browsing import Visitor
from tests.pages.planting import entered, part, plant, read
from tests.stack import Stack, until

MINUTE = timedelta(minutes=1)
ALIVE, SILENT = "host:1:aaaa", "host:2:bbbb"


@pytest.fixture(autouse=True)
def _nobody(operated: Stack) -> Iterator[None]:
    """Workers and exports of the test's own."""
    yield
    plant(operated, _clear)


def _clear(connection: Connection) -> None:
    for each in (table, t.duties, t.exports):
        connection.execute(delete(each))


def crew(connection: Connection) -> None:
    """One that is alive, of this release, and sweeps; one that is silent, of another."""
    workers.report(connection, Report(ALIVE, __version__, 3, ""))
    workers.report(connection, Report(SILENT, "0.0.9", 7, ""))
    gone = {"seen_at": read_clock(connection) - MINUTE}
    connection.execute(update(table).where(table.c.id == SILENT).values(**gone))
    duties.claim(connection, duties.SWEEP, ALIVE, MINUTE)


def test_workers_are_shown_alive_or_silent_and_who_sweeps(operated: Stack, admin: Visitor) -> None:
    plant(operated, crew)
    seen = read(admin, "/workers", "crew")
    assert f"{ALIVE} alive sweeps 3 {__version__}" in seen
    assert f"{SILENT} silent \N{EN DASH} 0.0.9 not this API's" in seen
    figures = read(admin, "/workers", "figures")
    assert "1 worker alive 3 steps running" in figures
    assert "Several releases" not in figures


def test_several_releases_at_once_are_told(operated: Stack, admin: Visitor) -> None:
    plant(operated, lambda connection: workers.report(connection, Report(ALIVE, "0.0.9", 0, "")))
    figures = read(admin, "/workers", "figures")
    assert f"Several releases are at work: 0.0.9, {__version__}" in figures
    assert "Nobody sweeps" in figures


def test_without_a_worker_the_page_says_what_that_means_and_what_to_do(admin: Visitor) -> None:
    html = admin.get("/workers").text
    assert "No worker is alive" in html
    assert "<code>landfall worker</code>" in html
    # What was found of the parts is a second old at most.
    parts = until(lambda: seen if "not ok" in (seen := read(admin, "/workers", "parts")) else None, "no worker")
    assert parts.startswith("Parts degraded")
    for told in ("database ok", "schema ok", "redis ok", "store ok", "are to stay so", "workers not ok"):
        assert told in parts


def test_what_runs_and_what_waits_is_shown_to_those_who_may_see_it(operated: Stack, admin: Visitor) -> None:
    def under_way(connection: Connection) -> None:
        now = read_clock(connection)
        jobs = [
            make_job(id="exp_running", request_hash="r", state=State.STARTING, leased=True, due_at=now + MINUTE),
            make_job(id="exp_overdue", request_hash="o", state=State.EXPORTING, due_at=now - 5 * MINUTE),
            make_job(id="exp_lapsed", request_hash="l", state=State.READY, leased=True, due_at=now - MINUTE),
            make_job(id="exp_waiting", request_hash="w", created_at=now - 3 * MINUTE),
        ]
        ledger.accept(connection, jobs)

    plant(operated, under_way)
    running = part(admin.get("/workers").text, "running")
    assert 'href="/exports/exp_running"' in running
    assert "exp_lapsed" not in running
    figures = read(admin, "/workers", "figures")
    assert "2 steps due, not taken, for 5 min" in figures
    assert "1 export in the queue, for 3 min" in figures
    with entered(operated, Scope.READ, "shop-ab") as visitor:
        assert "None at this moment" in read(visitor, "/workers", "running")
        assert "0 steps due, not taken 0 exports in the queue" in read(visitor, "/workers", "figures")
