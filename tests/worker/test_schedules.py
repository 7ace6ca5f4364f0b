"""Checks that a poll schedule is made anew when there is something new to learn, and only then."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection

from landfall.database import accounts, build_times, ledger
from landfall.database.sqlite import open_engine
from landfall.exports.policy import Policy
from landfall.exports.states import State
from tests.database.databases import LIMITS, migrated
from tests.exports.jobs import NOON, make_job
from worker.schedules import _Known, _learned

JOB = make_job(state=State.EXPORTING, started_at=NOON)


def look(connection: Connection, known: _Known | None) -> _Known:
    schedule, made_of = _learned(connection, Policy(), JOB, known)
    return _Known(schedule, made_of, until=0.0)


def build(connection: Connection, *seconds: float) -> None:
    for each in seconds:
        build_times.record(connection, JOB, each, now=NOON + timedelta(seconds=each))


def test_a_schedule_is_kept_until_a_report_is_built_or_somebody_queues(tmp_path: Path) -> None:
    engine = open_engine(migrated(tmp_path / "landfall.db"), "BEGIN IMMEDIATE", "PRAGMA synchronous=OFF", size=1)
    with engine.begin() as connection:
        accounts.register(connection, LIMITS)
        unlearned = look(connection, None)
        assert unlearned.schedule is None
        build(connection, 10.0, 20.0, 30.0, 40.0)
        first = look(connection, unlearned)
        assert first.schedule is not None
        assert look(connection, first).schedule is first.schedule
        build(connection, 300.0)
        second = look(connection, first)
        assert second.schedule != first.schedule
        ledger.accept(connection, [replace(JOB, id="exp_queued", state=State.QUEUED)])
        assert look(connection, second).schedule != second.schedule
    engine.dispose()


def test_a_time_that_its_polls_cannot_account_for_teaches_nothing(tmp_path: Path) -> None:
    engine = open_engine(migrated(tmp_path / "landfall.db"), "BEGIN IMMEDIATE", "PRAGMA synchronous=OFF", size=1)
    with engine.begin() as connection:
        accounts.register(connection, LIMITS)
        asked = replace(JOB, polls=10, polled_at=NOON + timedelta(hours=25))
        # The clock has jumped by a day, or nobody asked for one.
        build_times.record(connection, asked, None, now=NOON + timedelta(hours=25, seconds=2))
        assert build_times.recent(connection, JOB.account, JOB.report_type) == []
        # A report that is asked for every quarter of an hour may well take a day.
        patient = replace(asked, polls=100)
        build_times.record(connection, patient, None, now=NOON + timedelta(hours=25, seconds=2))
        assert len(build_times.recent(connection, JOB.account, JOB.report_type)) == 1
    engine.dispose()
