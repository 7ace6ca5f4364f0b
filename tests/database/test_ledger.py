"""Checks how exports become rows and back, and that only one settlement of a version counts."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from landfall.database import headers, ledger, reading, same_requests
from landfall.database.clock import read_clock
from landfall.database.ledger import Lease
from landfall.exports.job import Artifact, ExportJob, Fault
from landfall.exports.outcomes import Advanced, Waiting
from landfall.exports.policy import Policy
from landfall.exports.settling import Settled, admit, cancel, settle
from landfall.exports.states import State
from tests.exports.jobs import NOON, make_job

LEASE = timedelta(seconds=15)


def stored(connection: Connection, **changes: object) -> ExportJob:
    ledger.accept(connection, [make_job(**changes)])
    job = ledger.find(connection, str(changes.get("id", "exp_1")))
    assert job
    return job


def moved(connection: Connection, job: ExportJob, settled: Settled) -> ExportJob:
    assert ledger.save(connection, job, settled, at=NOON)
    return settled.job


def test_an_export_comes_back_as_it_was_written(connection: Connection) -> None:
    full = make_job(
        state=State.STORED,
        labels={"tenant": "ä", 'quo"te': "x"},
        priority=-3,
        due_at=NOON + timedelta(microseconds=123456),
        deadline_at=NOON,
        started_at=NOON,
        finished_at=NOON,
        report_id="USER_EVENTS:1",
        error=Fault("x", "it broke", "Mend it."),
        artifact=Artifact("file:///x.csv", 5_000_000_000, 3, "0" * 64, ("id", "größe"), empty=False),
        deadline=timedelta(minutes=90.5),
    )
    ledger.accept(connection, [full])
    assert ledger.find(connection, full.id) == full


def test_a_column_s_name_with_a_nul_can_be_kept(connection: Connection) -> None:
    artifact = Artifact("file:///x.csv", 9, 1, "0" * 64, ("a\0b", "c"), empty=False, header_hash="h")
    job = stored(connection, state=State.STORED, artifact=artifact, finished_at=NOON)
    headers.keep(connection, job, artifact, now=NOON)
    assert job.artifact
    assert job.artifact.columns == ("a\N{REPLACEMENT CHARACTER}b", "c")


def test_accepting_writes_the_first_event(connection: Connection) -> None:
    job = stored(connection)
    assert [(row.kind, row.at) for row in reading.timeline(connection, job.id)] == [("accept", NOON)]


def test_a_settlement_writes_row_and_event_together(connection: Connection) -> None:
    job = stored(connection)
    admitted = moved(connection, job, admit(job, now=NOON))
    assert ledger.find(connection, job.id) == admitted
    assert [row.kind for row in reading.timeline(connection, job.id)] == ["accept", "admit"]


def test_a_wait_that_comes_alone_is_written_as_any_other_settlement(connection: Connection) -> None:
    fault = Fault("busy", "the vendor is busy", "Nothing to do.")
    for number, outcome in enumerate([Waiting(), Waiting(fault), Waiting(fault, asked=False, delay=3.0), Waiting()]):
        job = stored(connection, id=f"exp_{number}", state=State.EXPORTING, started_at=NOON, due_at=NOON)
        waiting = settle(job, outcome, now=NOON, draw=0.5, policy=Policy())
        assert ledger.save_by_itself(connection, job, waiting, at=NOON, seconds=0.25)
        assert ledger.find(connection, job.id) == waiting.job
        (_, told) = reading.timeline(connection, job.id)
        assert (told.kind, told.at, told.seconds, told.step) == ("wait", NOON, 0.25, "poll")
        assert not ledger.save_by_itself(connection, job, waiting, at=NOON)
        assert len(reading.timeline(connection, job.id)) == 2


def test_only_a_wait_may_come_alone(connection: Connection) -> None:
    job = stored(connection, state=State.EXPORTING, started_at=NOON, due_at=NOON)
    done = settle(job, Advanced(to=State.READY), now=NOON, draw=0.5, policy=Policy())
    with pytest.raises(ValueError, match="this is no wait: it changes state"):
        ledger.save_by_itself(connection, job, done, at=NOON)


def test_a_version_that_was_given_twice_is_told_apart_by_its_state(connection: Connection) -> None:
    job = stored(connection, state=State.EXPORTING, started_at=NOON, due_at=NOON)
    cancelled = moved(connection, job, cancel(job, now=NOON, policy=Policy()))
    forgotten = replace(job, version=cancelled.version)
    for outcome in (Waiting(), Advanced(to=State.READY)):
        late = settle(forgotten, outcome, now=NOON, draw=0.5, policy=Policy())
        assert not ledger.save(connection, forgotten, late, at=NOON)
    assert ledger.find(connection, job.id) == cancelled


def test_a_stale_settlement_changes_nothing(connection: Connection) -> None:
    job = stored(connection)
    first = moved(connection, job, admit(job, now=NOON))
    assert not ledger.save(connection, job, admit(job, now=NOON + timedelta(hours=1)), at=NOON)
    assert ledger.find(connection, job.id) == first
    assert len(reading.timeline(connection, job.id)) == 2


def test_only_one_of_two_claims_gets_the_step(connection: Connection) -> None:
    job = stored(connection)
    started = moved(connection, job, admit(job, now=NOON))
    first = ledger.take(connection, started, LEASE, now=NOON)
    assert first is not None
    assert first.attempts == 1
    assert ledger.take(connection, started, LEASE, now=NOON) is None


@pytest.mark.parametrize("state", [State.QUEUED, State.STORED, State.FAILED])
def test_an_export_without_a_due_step_cannot_be_claimed(connection: Connection, state: State) -> None:
    job = stored(connection, state=state)
    assert ledger.take(connection, job, LEASE, now=NOON) is None


def test_a_lease_is_renewed_only_for_the_version_that_holds_it(connection: Connection) -> None:
    job = stored(connection)
    started = moved(connection, job, admit(job, now=NOON))
    taken = ledger.take(connection, started, LEASE, now=read_clock(connection))
    assert taken is not None
    ledger.renew(connection, [Lease(job.id, taken.version - 1, leased=True)], timedelta(hours=1))
    assert ledger.find(connection, job.id) == taken
    ledger.renew(connection, [Lease(job.id, taken.version, leased=True)], timedelta(hours=1))
    renewed = ledger.find(connection, job.id)
    assert renewed is not None
    assert renewed.due_at is not None
    assert renewed.due_at > read_clock(connection) + timedelta(minutes=59)


def test_overdue_exports_come_longest_overdue_first_by_the_databases_clock(connection: Connection) -> None:
    now = read_clock(connection)
    for name, seconds in (("late", -60), ("later", -600), ("early", 60)):
        stored(connection, id=name, state=State.READY, due_at=now + timedelta(seconds=seconds))
    jobs, _ = ledger.find_overdue(connection, 10)
    assert [job.id for job in jobs] == ["later", "late"]


def test_an_ended_export_is_not_in_flight(connection: Connection) -> None:
    ended = stored(connection, id="ended", state=State.FAILED, finished_at=NOON)
    assert same_requests.in_flight(connection, ended.account, [ended.request_hash]) == {}
    live = stored(connection, id="live")
    assert same_requests.in_flight(connection, live.account, [live.request_hash]) == {live.request_hash: live}


def test_pages_follow_each_other_without_gap_or_repeat(connection: Connection) -> None:
    jobs = [stored(connection, id=f"exp_{n:02}", created_at=NOON + timedelta(seconds=n // 3)) for n in range(20)]
    expected = [job.id for job in sorted(jobs, key=lambda job: (job.created_at, job.id), reverse=True)]
    seen: list[str] = []
    after = None
    while page := reading.page(connection, reading.Filter(), after, 7):
        seen += [job.id for job in page]
        after = reading.Position(page[-1].created_at, page[-1].id)
    assert seen == expected


def test_each_filter_lets_through_what_it_names(connection: Connection) -> None:
    plain = stored(connection, id="plain")
    other = stored(
        connection,
        id="other",
        account="shop-ab",
        vendor="intelligems",
        state=State.STORED,
        labels={"team.x": "a:b"},
        created_at=NOON + timedelta(days=1),
    )
    for wanted in (
        reading.Filter(states=[State.STORED]),
        reading.Filter(account="shop-ab"),
        reading.Filter(vendor="intelligems"),
        reading.Filter(labels=[("team.x", "a:b")]),
        reading.Filter(since=NOON + timedelta(hours=1)),
    ):
        assert reading.page(connection, wanted, None, 10) == [other]
    assert reading.page(connection, reading.Filter(), None, 10) == [other, plain]


def test_a_finished_export_keeps_its_whole_story(connection: Connection) -> None:
    job = stored(connection)
    job = moved(connection, job, admit(job, now=NOON))
    outcome = Advanced(to=State.EXPORTING, report_id="r")
    job = moved(connection, job, settle(job, outcome, now=NOON, draw=0.0, policy=Policy()))
    assert [(row.kind, row.state) for row in reading.timeline(connection, job.id)] == [
        ("accept", "queued"),
        ("admit", "starting"),
        ("start", "exporting"),
    ]
    assert ledger.find(connection, job.id) == replace(job)
