"""Promises of what is kept of the workers, on both databases."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection, update

from landfall.database import workers
from landfall.database.clock import read_clock
from landfall.database.service_tables import workers as table
from landfall.database.workers import FORGOTTEN_AFTER, SILENT_AFTER, Crew, Report

SAID = Report("host:17:ab12", "1.0", 3, "landfall_steps_total 1.0\n")


def _silence(connection: Connection, id_: str, length: timedelta) -> None:
    seen = read_clock(connection) - length
    connection.execute(update(table).where(table.c.id == id_).values(seen_at=seen, started_at=seen))


def test_a_worker_has_one_row_however_often_it_reports(connection: Connection) -> None:
    workers.report(connection, SAID)
    _silence(connection, SAID.id, timedelta(minutes=5))
    workers.report(connection, replace(SAID, running=7, metrics="later"))
    (found,) = workers.standings(connection)
    assert (found.id, found.version, found.running, found.metrics) == (SAID.id, "1.0", 7, "later")
    assert found.silent < timedelta(minutes=1)
    assert read_clock(connection) - found.started_at >= timedelta(minutes=5)
    assert workers.crew(connection) == Crew(1, 7)


def test_a_worker_that_leaves_is_forgotten_at_once(connection: Connection) -> None:
    workers.report(connection, SAID)
    workers.report(connection, replace(SAID, id="other"))
    workers.leave(connection, SAID.id)
    assert [each.id for each in workers.standings(connection)] == ["other"]


def test_a_silent_worker_is_dead_after_three_reports_and_forgotten_after_an_hour(connection: Connection) -> None:
    lengths = {
        "lives": timedelta(),
        "dead": SILENT_AFTER + timedelta(minutes=1),
        "gone": FORGOTTEN_AFTER + timedelta(minutes=1),
    }
    for name, length in lengths.items():
        workers.report(connection, replace(SAID, id=name))
        _silence(connection, name, length)
    assert {each.id: each.alive for each in workers.standings(connection)} == {"lives": True, "dead": False}
    assert workers.crew(connection) == Crew(1, 3)
    assert workers.forget_silent(connection) == 1
    assert workers.forget_silent(connection) == 0


def test_nobody_runs_anything_where_there_is_no_worker(connection: Connection) -> None:
    assert workers.crew(connection) == Crew(0, 0)
    assert workers.standings(connection) == []
