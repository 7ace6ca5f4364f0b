"""Checks what outcomes make of an export."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landfall.exports.errors import AnswerLost, ReportLost, Throttled
from landfall.exports.job import Artifact, ExportJob, Fault
from landfall.exports.outcomes import Advanced, GaveUp, Outcome, Retrying, Waiting, outcome_of
from landfall.exports.policy import Policy
from landfall.exports.settling import Leftover, admit, cancel, claim, hand_back, rescue, settle, without_copy
from landfall.exports.states import STEP_DUE, TERMINAL, TRANSITIONS, IllegalMoveError, State, Step
from tests.exports.jobs import NOON, make_job

POLICY = Policy()
LEASE = timedelta(seconds=15)
FAULT = Fault("x", "it broke", "Mend it.")
FILE = Artifact("file:///x.csv", 10, 1, "0" * 64, ("a",), empty=False)


def settled(job: ExportJob, outcome: Outcome, after: float = 0.0) -> ExportJob:
    return settle(job, outcome, now=NOON + timedelta(seconds=after), draw=0.5, policy=POLICY).job


def starting() -> ExportJob:
    return claim(admit(make_job(), now=NOON).job, now=NOON, lease=LEASE)


def exporting() -> ExportJob:
    return settled(starting(), Advanced(to=State.EXPORTING, report_id="r-1"))


def ready() -> ExportJob:
    return claim(settled(exporting(), Advanced(to=State.READY)), now=NOON, lease=LEASE)


def test_an_export_goes_all_the_way() -> None:
    job = settled(ready(), Advanced(to=State.STORED, artifact=FILE))
    assert (job.state, job.artifact, job.report_id) == (State.STORED, FILE, "r-1")
    assert (job.due_at, job.finished_at) == (None, NOON)


def test_an_export_does_not_fail_for_the_copy_of_its_file() -> None:
    failed, job = Retrying(FAULT, published=FILE), ready()
    assert without_copy(job, failed, now=NOON, policy=POLICY) is failed
    last = replace(job, attempts=POLICY.retries[Step.DOWNLOAD].max_attempts)
    stored = without_copy(last, failed, now=NOON, policy=POLICY)
    assert isinstance(stored, Advanced)
    assert (settled(last, stored).state, stored.artifact) == (State.STORED, FILE)
    assert stored.no_copy
    assert (stored.no_copy.code, stored.no_copy.message) == ("x", "gave up after 18 attempts: it broke")
    late = without_copy(job, failed, now=NOON + timedelta(hours=13), policy=POLICY)
    assert isinstance(late, Advanced)
    assert late.no_copy
    assert late.no_copy.code == "deadline_passed"
    assert late.no_copy.action == stored.no_copy.action != FAULT.action


def test_without_its_file_an_export_fails_as_ever() -> None:
    last = replace(ready(), attempts=POLICY.retries[Step.DOWNLOAD].max_attempts)
    outcome = Retrying(FAULT)
    assert without_copy(last, outcome, now=NOON, policy=POLICY) is outcome
    assert settled(last, outcome).state is State.FAILED


def test_a_poll_that_is_not_ready_costs_no_attempt() -> None:
    job = settled(exporting(), Waiting(), after=100.0)
    assert (job.state, job.attempts, job.polls) == (State.EXPORTING, 0, 1)
    assert job.due_at == NOON + timedelta(seconds=125)


def test_an_answer_ends_a_row_of_failed_polls() -> None:
    failing = settled(exporting(), Retrying(FAULT))
    assert failing.attempts == 1
    assert settled(failing, Waiting()).attempts == 0


def test_a_throttled_start_costs_no_attempt_and_frees_its_slot_at_once() -> None:
    throttled = Throttled("slow down", delay=42.0)
    job = settled(starting(), outcome_of(throttled))
    assert (job.state, job.attempts, job.deferrals, job.due_at) == (State.QUEUED, 0, 1, None)
    assert job.error == throttled.fault


def test_a_start_that_waits_for_what_is_no_matter_of_its_account_keeps_its_slot() -> None:
    job = settled(replace(starting(), crashes=2), Waiting(FAULT, 1.0, asked=False, keeps_slot=True))
    assert (job.state, job.attempts, job.leased, job.crashes) == (State.STARTING, 0, False, 2)
    assert job.due_at == NOON + timedelta(seconds=1)


def test_a_start_whose_answer_was_lost_goes_again_and_leaves_its_slot_held() -> None:
    lost = settle(starting(), outcome_of(AnswerLost("?")), now=NOON, draw=0.5, policy=POLICY)
    assert (lost.job.state, lost.job.attempts, lost.leftover) == (State.QUEUED, 1, Leftover(None))
    assert admit(lost.job, now=NOON).job.attempts == 1


def test_a_lost_answer_holds_nothing_where_asking_twice_orders_once() -> None:
    repeating = replace(POLICY, starts_repeat=True)
    lost = settle(starting(), outcome_of(AnswerLost("?")), now=NOON, draw=0.5, policy=repeating)
    assert (lost.job.state, lost.leftover) == (State.STARTING, None)


def test_a_report_that_nobody_waits_for_any_more_is_left_behind_by_name() -> None:
    for ended in (
        settle(exporting(), GaveUp(FAULT), now=NOON, draw=0.5, policy=POLICY),
        settle(exporting(), Waiting(), now=NOON + timedelta(hours=12), draw=0.5, policy=POLICY),
        cancel(exporting(), now=NOON, policy=POLICY),
    ):
        assert ended.leftover == Leftover("r-1")


def test_nothing_is_left_behind_where_nothing_was_asked_for() -> None:
    assert cancel(make_job(), now=NOON, policy=POLICY).leftover is None
    assert cancel(admit(make_job(), now=NOON).job, now=NOON, policy=POLICY).leftover is None
    assert cancel(ready(), now=NOON, policy=POLICY).leftover is None
    assert settle(starting(), GaveUp(FAULT), now=NOON, draw=0.5, policy=POLICY).leftover is None


def test_a_cancelled_start_that_may_have_been_sent_is_left_behind() -> None:
    assert cancel(starting(), now=NOON, policy=POLICY).leftover == Leftover(None)


def test_a_step_that_was_not_allowed_to_call_counts_no_poll() -> None:
    job = settled(exporting(), Waiting(FAULT, 5.0, asked=False))
    assert (job.state, job.polls, job.due_at) == (State.EXPORTING, 0, NOON + timedelta(seconds=5))


def test_deferrals_in_a_row_wait_longer_and_longer() -> None:
    once = settled(ready(), Waiting(FAULT))
    twice = settled(claim(once, now=NOON, lease=LEASE), Waiting(FAULT))
    assert once.due_at is not None
    assert twice.due_at is not None
    assert twice.due_at > once.due_at


def test_a_failed_attempt_is_counted_once_whether_claimed_or_not() -> None:
    assert settled(starting(), Retrying(FAULT)).attempts == 1
    assert settled(exporting(), Retrying(FAULT)).attempts == 1


def test_a_retry_waits_at_least_as_long_as_the_other_side_asked() -> None:
    job = settled(starting(), Retrying(FAULT, delay=300.0))
    assert job.due_at == NOON + timedelta(seconds=300)


def test_the_last_attempt_fails_the_export_and_keeps_the_reason() -> None:
    job = replace(starting(), attempts=POLICY.retries[Step.START].max_attempts)
    failed = settled(job, outcome_of(AnswerLost("no answer")))
    assert failed.state is State.FAILED
    assert failed.error is not None
    assert failed.error.code == "answer_lost"
    assert "after 18 attempts: no answer" in failed.error.message


def test_a_lost_report_goes_back_to_the_queue_as_a_new_generation() -> None:
    lost = ReportLost("gone")
    job = settled(ready(), Advanced(to=State.QUEUED, fault=lost.fault))
    assert (job.state, job.generation, job.report_id, job.due_at) == (State.QUEUED, 2, None, None)
    assert (job.started_at, job.deadline_at) == (None, None)


def test_reports_that_keep_getting_lost_fail_the_export() -> None:
    job = replace(exporting(), generation=POLICY.max_generations)
    failed = settled(job, Advanced(to=State.QUEUED, fault=ReportLost("it failed").fault))
    assert failed.state is State.FAILED
    assert failed.error is not None
    assert failed.error.code == "report_lost"


@pytest.mark.parametrize("outcome", [Waiting(), Retrying(FAULT), Waiting(FAULT, 5.0)])
def test_no_wait_outlasts_the_deadline(outcome: Outcome) -> None:
    failed = settled(exporting(), outcome, after=12 * 3600)
    assert failed.state is State.FAILED
    assert failed.error is not None
    assert failed.error.code == "deadline_passed"


def test_the_deadline_does_not_run_in_the_queue() -> None:
    admitted = admit(make_job(), now=NOON + timedelta(days=3)).job
    assert admitted.deadline_at == NOON + timedelta(days=3, hours=12)


def test_a_step_handed_back_is_due_at_once_and_costs_no_attempt() -> None:
    job = ready()
    back = hand_back(job, now=NOON).job
    assert (back.attempts, back.due_at, back.leased) == (job.attempts - 1, NOON, False)
    assert back.version > job.version


def test_a_step_in_which_three_workers_died_is_given_up() -> None:
    job = ready()
    for crashes in (1, 2):
        job = rescue(claim(job, now=NOON, lease=LEASE), now=NOON, draw=0.5, policy=POLICY).job
        assert (job.state, job.crashes) == (State.READY, crashes)
    dead = rescue(claim(job, now=NOON, lease=LEASE), now=NOON, draw=0.5, policy=POLICY)
    assert (dead.job.state, dead.job.error and dead.job.error.code) == (State.FAILED, "worker_died")


def test_a_start_in_which_three_workers_died_is_given_up_and_its_slot_held() -> None:
    dead = rescue(replace(starting(), crashes=2), now=NOON, draw=0.5, policy=POLICY)
    assert (dead.job.state, dead.leftover) == (State.FAILED, Leftover(None))


def test_a_poll_in_which_three_workers_died_is_given_up_and_its_report_polled_on() -> None:
    dead = rescue(replace(exporting(), crashes=2), now=NOON, draw=0.5, policy=POLICY)
    assert (dead.job.state, dead.leftover) == (State.FAILED, Leftover("r-1"))


def test_a_worker_that_comes_to_an_outcome_clears_the_step_of_suspicion() -> None:
    job = replace(claim(ready(), now=NOON, lease=LEASE), crashes=2)
    fault = Fault("x", "it broke", "Mend it.")
    assert settle(job, Retrying(fault), now=NOON, draw=0.5, policy=POLICY).job.crashes == 0
    assert settle(job, Waiting(fault), now=NOON, draw=0.5, policy=POLICY).job.crashes == 0
    assert settle(job, Waiting(fault, asked=False), now=NOON, draw=0.5, policy=POLICY).job.crashes == 2
    assert hand_back(job, now=NOON).job.crashes == 2


def test_a_step_that_is_rescued_once_is_due_at_once_and_its_attempt_counts() -> None:
    job = ready()
    rescued = rescue(job, now=NOON, draw=0.5, policy=POLICY).job
    assert (rescued.attempts, rescued.due_at, rescued.leased) == (job.attempts, NOON, False)
    assert rescued.version > job.version


def test_a_step_that_is_rescued_again_waits_as_after_a_failure() -> None:
    again = claim(rescue(ready(), now=NOON, draw=0.5, policy=POLICY).job, now=NOON, lease=LEASE)
    rescued = rescue(again, now=NOON, draw=0.5, policy=POLICY).job
    assert rescued.due_at == NOON + timedelta(seconds=POLICY.retries[Step.DOWNLOAD].delay(1, 0.5))


def test_a_poll_that_kills_its_worker_costs_an_attempt() -> None:
    assert rescue(exporting(), now=NOON, draw=0.5, policy=POLICY).job.attempts == 1


def test_a_start_whose_worker_died_is_settled_as_one_whose_answer_was_lost() -> None:
    rescued = rescue(starting(), now=NOON, draw=0.5, policy=POLICY)
    assert (rescued.job.state, rescued.event.kind, rescued.leftover) == (State.QUEUED, "rescued", Leftover(None))


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_a_terminal_export_never_moves(state: State) -> None:
    ended = make_job(state=state, finished_at=NOON)
    for outcome in (Advanced(to=State.READY), Waiting(), Retrying(FAULT), GaveUp(FAULT)):
        with pytest.raises((IllegalMoveError, ValueError)):
            settled(ended, outcome)


@pytest.mark.parametrize(
    ("to", "artifact", "fault"),
    [
        (State.STORED, None, None),
        (State.READY, FILE, None),
        (State.QUEUED, None, None),
        (State.READY, None, FAULT),
        (State.FAILED, None, None),
        (State.CANCELLED, None, None),
        (State.STARTING, None, None),
    ],
)
def test_no_step_can_claim_to_have_come_to_nonsense(to: State, artifact: Artifact | None, fault: Fault | None) -> None:
    with pytest.raises(ValueError, match=r"no step leads|an artifact comes|a fault comes"):
        Advanced(to=to, artifact=artifact, fault=fault)


reasons = st.one_of(st.none(), st.just(FAULT))
delays = st.one_of(st.none(), st.floats(0.0, 1e5))
outcomes: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(
        Advanced, to=st.sampled_from([State.EXPORTING, State.READY]), report_id=st.one_of(st.none(), st.just("r"))
    ),
    st.just(Advanced(to=State.STORED, artifact=FILE)),
    st.just(Advanced(to=State.QUEUED, fault=FAULT)),
    st.builds(Waiting, fault=reasons, delay=delays),
    st.builds(Retrying, fault=st.just(FAULT), delay=delays),
    st.builds(GaveUp, fault=st.just(FAULT)),
)
moves = st.lists(
    st.one_of(st.sampled_from(["admit", "claim", "hand back", "rescue", "cancel"]), outcomes),
    max_size=60,
)


def command_on(job: ExportJob, move: str, now: datetime, draw: float) -> ExportJob:
    done = job
    match move:
        case "admit" if job.state is State.QUEUED:
            done = admit(job, now=now).job
        case "cancel" if job.state not in TERMINAL:
            done = cancel(job, now=now, policy=POLICY).job
        case "claim" if job.step and not job.leased:
            done = claim(job, now=now, lease=LEASE)
        case "hand back" if job.step:
            done = hand_back(job, now=now).job
        case "rescue" if job.step:
            done = rescue(job, now=now, draw=draw, policy=POLICY).job
    return done


def step_on(job: ExportJob, move: str | Outcome, after: float, draw: float) -> ExportJob:
    now = NOON + timedelta(seconds=after)
    if isinstance(move, str):
        return command_on(job, move, now, draw)
    try:
        return settle(job, move, now=now, draw=draw, policy=POLICY).job
    except (IllegalMoveError, ValueError):
        return job


@settings(max_examples=300)
@given(moves=moves, seconds=st.floats(0.0, 5000.0), draw=st.floats(0.0, 1.0, exclude_max=True))
def test_no_sequence_of_outcomes_leaves_an_export_without_a_due_step(
    moves: list[str | Outcome], seconds: float, draw: float
) -> None:
    job = make_job()
    for number, move in enumerate(moves):
        before, job = job, step_on(job, move, number * seconds, draw)
        assert job is before or job.version == before.version + 1
        assert job.state is before.state or job.state in TRANSITIONS[before.state]
        assert before.state not in TERMINAL or job == before
        assert (job.due_at is not None) == (job.state in STEP_DUE)
        assert (job.finished_at is not None) == (job.state in TERMINAL)
        assert (job.artifact is not None) == (job.state is State.STORED)
        assert not job.leased or job.step is not None
        assert job.attempts >= 0
        assert job.generation <= POLICY.max_generations
        assert job.state is not State.FAILED or job.error is not None
