"""Promises of what becomes of an export at its owner's wish."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.exports.job import ExportJob, Fault
from landfall.exports.settling import admit
from landfall.exports.states import SLOT_HOLDING, STEP_DUE, IllegalMoveError, State, Step
from landfall.exports.steering import RETRIABLE, prioritize, retry
from tests.exports.jobs import NOON, make_job

FAULT = Fault("x", "it broke", "Mend it.")
counts = st.integers(0, 20)
ended = st.builds(
    make_job,
    state=st.sampled_from(sorted(RETRIABLE)),
    version=st.integers(1, 100),
    attempts=counts,
    deferrals=counts,
    crashes=counts,
    polls=counts,
    generation=st.integers(1, 9),
    report_id=st.one_of(st.none(), st.just("r")),
    error=st.one_of(st.none(), st.just(FAULT)),
    finished_at=st.just(NOON),
    started_at=st.just(NOON),
    deadline_at=st.just(NOON),
)
steps = st.one_of(st.none(), st.sampled_from(Step))


@given(job=ended, step=steps, from_start=st.booleans())
def test_a_retried_export_lives_and_counts_anew(job: ExportJob, step: Step | None, from_start: bool) -> None:  # noqa: FBT001 - hypothesis draws it
    later = NOON + timedelta(days=1)
    settled = retry(job, step, from_start=from_start, now=later)
    alive, event = settled.job, settled.event
    assert alive.version == job.version + 1
    assert (alive.attempts, alive.deferrals, alive.crashes, alive.leased) == (0, 0, 0, False)
    assert (alive.error, alive.finished_at) == (None, None)
    assert alive.state not in SLOT_HOLDING
    assert (alive.due_at is not None) == (alive.state in STEP_DUE)
    assert alive.polls == job.polls
    assert settled.leftover is None
    assert (event.kind, event.step) == ("retry", None)
    assert admit(alive, now=later).job.attempts == 0 if alive.state is State.QUEUED else alive.due_at == later


@pytest.mark.parametrize("state", sorted(RETRIABLE))
def test_a_download_goes_on_with_the_report_that_is_there_under_a_new_deadline(state: State) -> None:
    job = make_job(state=state, generation=3, report_id="r", started_at=NOON, deadline_at=NOON, finished_at=NOON)
    later = NOON + timedelta(days=1)
    alive = retry(job, Step.DOWNLOAD, from_start=False, now=later).job
    assert (alive.state, alive.generation, alive.report_id, alive.started_at) == (State.READY, 3, "r", NOON)
    assert (alive.due_at, alive.deadline_at) == (later, later + job.deadline)


@pytest.mark.parametrize("step", [Step.START, Step.POLL])
def test_what_failed_before_the_download_waits_for_a_slot_and_orders_under_a_new_number(step: Step) -> None:
    job = make_job(state=State.FAILED, generation=2, report_id="r", started_at=NOON, finished_at=NOON)
    alive = retry(job, step, from_start=False, now=NOON).job
    assert (alive.state, alive.generation, alive.report_id, alive.started_at) == (State.QUEUED, 3, None, None)
    assert (alive.due_at, alive.deadline_at) == (None, None)


def test_from_the_start_a_failed_download_orders_a_new_report() -> None:
    job = make_job(state=State.FAILED, report_id="r", finished_at=NOON)
    alive = retry(job, Step.DOWNLOAD, from_start=True, now=NOON).job
    assert (alive.state, alive.generation, alive.report_id) == (State.QUEUED, 2, None)


def test_one_that_was_cancelled_before_anything_was_ordered_keeps_its_number() -> None:
    job = make_job(state=State.CANCELLED, finished_at=NOON)
    assert retry(job, None, from_start=False, now=NOON).job.generation == 1
    asked_before = make_job(state=State.CANCELLED, finished_at=NOON, attempts=1)
    assert retry(asked_before, None, from_start=False, now=NOON).job.generation == 2


@pytest.mark.parametrize("state", sorted(set(State) - RETRIABLE))
@pytest.mark.parametrize("step", [None, Step.DOWNLOAD])
def test_nothing_but_what_failed_or_was_cancelled_is_retried(state: State, step: Step | None) -> None:
    with pytest.raises(IllegalMoveError):
        retry(make_job(state=state), step, from_start=False, now=NOON)


def test_a_queued_export_changes_its_priority_and_keeps_its_turn() -> None:
    settled = prioritize(make_job(turn=4.5), 9)
    assert (settled.job.priority, settled.job.turn, settled.job.version) == (9, 4.5, 2)
    assert (settled.event.kind, settled.event.note) == ("priority", "0 to 9")


@pytest.mark.parametrize("state", sorted(set(State) - {State.QUEUED}))
def test_only_a_queued_export_changes_its_priority(state: State) -> None:
    with pytest.raises(ValueError, match="no queue"):
        prioritize(make_job(state=state), 9)
