"""Promises of what is gathered around an export: its place, who holds the slots, what is usual."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, update

from landfall.database import archive, build_times, explaining, ledger, orphans, workers
from landfall.database import tables as t
from landfall.database.clock import read_clock
from landfall.database.workers import Report
from landfall.exports.circumstances import Circumstances
from landfall.exports.explaining import explain
from landfall.exports.job import ExportJob
from landfall.exports.settling import Event
from landfall.exports.states import State
from tests.database import counted
from tests.exports.jobs import make_job

MINUTE = timedelta(minutes=1)


def busy(connection: Connection, now: datetime) -> list[ExportJob]:
    """Five exports that hold a slot, the oldest for five minutes, and twenty build times of four minutes."""
    holding = [
        make_job(
            id=f"exp_holding_{number}",
            request_hash=f"h{number}",
            state=State.EXPORTING,
            started_at=now - number * MINUTE,
            due_at=now + MINUTE,
        )
        for number in range(5)
    ]
    ledger.accept(connection, holding)
    built = make_job(started_at=now - 4 * MINUTE, polled_at=now - 4 * MINUTE)
    for _ in range(20):
        build_times.record(connection, built, 240.0, now=now)
    return holding


def known(connection: Connection, export_id: str) -> Circumstances:
    found = explaining.gather(connection, export_id)
    assert found is not None
    return found


def test_a_queued_export_knows_its_place_and_the_holders(connection: Connection) -> None:
    now = read_clock(connection)
    holding = busy(connection, now)
    ledger.accept(connection, [make_job(id=f"exp_{n}", request_hash=f"{n}", created_at=now) for n in range(4)])
    ledger.accept(connection, [make_job(id="exp_first", request_hash="f", created_at=now, priority=5)])
    places = {}
    for name in ("exp_first", "exp_0", "exp_1", "exp_2", "exp_3"):
        line = known(connection, name).line
        assert line is not None
        places[name] = line.place
        assert {each.id for each in line.holders} == {job.id for job in holding}
        assert (line.used, line.more) == (5, False)
    assert places == {"exp_first": 1, "exp_0": 2, "exp_1": 3, "exp_2": 4, "exp_3": 5}


def test_an_expected_start_comes_from_what_was_learned(connection: Connection) -> None:
    now = read_clock(connection)
    busy(connection, now)
    ledger.accept(connection, [make_job(id="exp_1", created_at=now)])
    assert explain(known(connection, "exp_1")).expected.start_at is None, "nobody is there to start it"
    workers.report(connection, Report("host:1:a", "0", 0, ""))
    found = explain(known(connection, "exp_1"))
    # The oldest holder has had its four minutes.
    start = found.expected.start_at
    assert start is not None
    assert abs(start - now) < MINUTE
    assert found.expected.built_at == start + 4 * MINUTE


def test_a_slot_that_is_held_for_nobody_is_counted_and_named(connection: Connection) -> None:
    now = read_clock(connection)
    lost = make_job(id="exp_lost", request_hash="l", state=State.CANCELLED, finished_at=now)
    ledger.accept(connection, [lost, make_job(id="exp_1", created_at=now)])
    orphans.record(connection, lost, None, now=now, hold=10 * MINUTE)
    line = known(connection, "exp_1").line
    assert line is not None
    assert [(each.id, each.state) for each in line.holders] == [("exp_lost", State.CANCELLED)]
    assert line.used == 1
    assert line.holders[0].seconds is not None
    assert 500 < line.holders[0].seconds <= 600


def test_without_a_worker_that_was_heard_of_lately_none_is_counted(connection: Connection) -> None:
    ledger.accept(connection, [make_job(id="exp_1")])
    assert known(connection, "exp_1").workers == 0


def test_what_has_ended_knows_its_last_event_archived_or_not(connection: Connection) -> None:
    now = read_clock(connection)
    job = make_job(id="exp_1", state=State.CANCELLED, finished_at=now)
    ledger.accept(connection, [job])
    ledger.note(connection, job, Event("cancel", None, 0, note="by key ops"), at=now)
    before = known(connection, "exp_1")
    assert before.last is not None
    assert (before.last.kind, before.last.note) == ("cancel", "by key ops")
    assert counted.move(connection, ["exp_1"]) == 1
    after = known(connection, "exp_1")
    assert (after.archived, after.last) == (True, before.last)
    assert explain(after).summary.endswith("by key ops.")


def test_of_no_export_nothing_is_known(connection: Connection) -> None:
    assert explaining.gather(connection, "exp_none") is None


def test_an_archived_timeline_keeps_its_numbers_and_reads_in_pages(connection: Connection) -> None:
    now = read_clock(connection)
    job = make_job(id="exp_1", state=State.CANCELLED, finished_at=now)
    ledger.accept(connection, [make_job(id="exp_0"), job])
    for number in range(5):
        ledger.note(connection, job, Event("wait", None, number), at=now)
    assert counted.move(connection, ["exp_1"]) == 1
    whole = archive.timeline(connection, "exp_1")
    assert [event.id for event in whole] == [2, 3, 4, 5, 6, 7]
    assert archive.timeline(connection, "exp_1", after=4, limit=2) == whole[3:5]
    # As a release before this one wrote it.
    row = connection.execute(t.archived_exports.select()).one()
    older = {name: value for name, value in row.export.items() if name != "event_ids"}
    connection.execute(update(t.archived_exports).values(export=older))
    assert [event.id for event in archive.timeline(connection, "exp_1")] == [1, 2, 3, 4, 5, 6]
