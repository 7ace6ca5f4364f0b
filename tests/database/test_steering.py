"""Promises of cancel, retry, priority and pause as the database keeps them."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, select, update

from landfall.database import accounts, admission, batches, build_times, ledger, lives, orphans, reading, steering
from landfall.database import tables as t
from landfall.database.clock import read_clock
from landfall.database.steering import SteeringRefused, cancelling, prioritizing, retrying
from landfall.exports.errors import ReportLost, RequestRefused
from landfall.exports.job import ExportJob
from landfall.exports.outcomes import Advanced, Outcome, Waiting, outcome_of
from landfall.exports.policy import Policy
from landfall.exports.states import State
from tests.database.databases import LIMITS
from tests.exports.jobs import make_job
from worker.queue import Message
from worker.settlement import write_outcome
from worker.taking import Taken, take

SHOP = "shop-bwp"
SLOTS = LIMITS[SHOP].max_started
POLICY = Policy(lost_start_seconds=3600.0)
LEASE = timedelta(seconds=15)
PAST = datetime(2020, 1, 1, tzinfo=UTC)
BY = "by key anna"
cancel = cancelling({SHOP: POLICY}, BY)
retry = retrying(BY)
retry_from_start = retrying(BY, from_start=True)


def accepted(connection: Connection, *names: str, **changes: object) -> list[ExportJob]:
    """New exports, each of another request; those that got a slot are STARTING."""
    now = read_clock(connection)
    ledger.accept(connection, [make_job(id=name, request={"of": name}, created_at=now, **changes) for name in names])
    admission.admit_next(connection, SHOP)
    return [found(connection, name) for name in names]


def found(connection: Connection, name: str) -> ExportJob:
    job = ledger.find(connection, name)
    assert job
    return job


def taken(connection: Connection, name: str) -> Taken:
    job = found(connection, name)
    assert job.step
    step = take(connection, Message(job.step, job.account, job.id, job.version), LEASE)
    assert step
    return step


def come_to(connection: Connection, name: str, outcome: Outcome) -> ExportJob:
    """Take the step that is due and have it come to this."""
    step = taken(connection, name)
    assert step.outcome is None
    assert write_outcome(connection, step.job, outcome, POLICY, seconds=0.0)
    return found(connection, name)


def exporting(connection: Connection, name: str, report: str = "r-1") -> ExportJob:
    accepted(connection, name)
    return come_to(connection, name, Advanced(to=State.EXPORTING, report_id=report))


def ready(connection: Connection, name: str) -> ExportJob:
    exporting(connection, name)
    return come_to(connection, name, Advanced(to=State.READY))


def end_orphans(connection: Connection, *, built: bool) -> None:
    connection.execute(update(t.orphans).values(due_at=PAST))
    for orphan in orphans.find_due(connection, 10):
        assert orphans.end(connection, orphan, now=read_clock(connection), built=built)
        admission.admit_next(connection, SHOP)


def test_a_queued_export_is_cancelled_at_once_and_says_who_did_it(connection: Connection) -> None:
    *_, last = accepted(connection, *(f"exp_{n}" for n in range(SLOTS + 1)))
    assert last.state is State.QUEUED
    steered = cancel(connection, last)
    assert (steered.job.state, steered.changed, steered.wake) == (State.CANCELLED, True, False)
    event = reading.timeline(connection, last.id)[-1]
    assert (event.kind, event.note, event.state) == ("cancel", BY, "cancelled")
    assert connection.execute(select(t.events.c.kind).where(t.is_untold)).scalars().all() == ["cancel"]


def test_a_second_cancel_changes_nothing(connection: Connection) -> None:
    (job,) = accepted(connection, "exp_1")
    first = cancel(connection, job)
    again = cancel(connection, job)
    assert (again.job, again.changed) == (first.job, False)
    assert [event.kind for event in reading.timeline(connection, job.id)] == ["accept", "admit", "cancel"]


def test_cancelling_an_unasked_start_hands_its_slot_on(connection: Connection) -> None:
    first, *_, last = accepted(connection, *(f"exp_{n}" for n in range(SLOTS + 1)))
    assert cancel(connection, first).wake
    assert found(connection, last.id).state is State.STARTING


def test_cancelling_a_start_under_way_keeps_its_slot_for_the_safety_time(connection: Connection) -> None:
    accepted(connection, "exp_1")
    under_way = taken(connection, "exp_1").job
    cancel(connection, under_way)
    assert accounts.slots_used(connection, SHOP) == 1
    told = Advanced(to=State.EXPORTING, report_id="r-late")
    assert write_outcome(connection, under_way, told, POLICY, seconds=0.0) is None
    assert accounts.slots_used(connection, SHOP) == 1
    end_orphans(connection, built=False)
    assert accounts.slots_used(connection, SHOP) == 0


def test_cancelling_a_report_in_the_making_keeps_its_slot_until_it_has_ended(connection: Connection) -> None:
    cancel(connection, exporting(connection, "exp_1"))
    assert accounts.slots_used(connection, SHOP) == 1
    end_orphans(connection, built=True)
    assert accounts.slots_used(connection, SHOP) == 0


def test_a_settlement_that_comes_after_the_cancel_changes_nothing(connection: Connection) -> None:
    ready(connection, "exp_1")
    under_way = taken(connection, "exp_1").job
    cancel(connection, under_way)
    lost = outcome_of(ReportLost("gone"))
    assert write_outcome(connection, under_way, lost, POLICY, seconds=0.0) is None
    assert found(connection, "exp_1").state is State.CANCELLED


def test_what_has_ended_otherwise_is_not_cancelled(connection: Connection) -> None:
    accepted(connection, "exp_1")
    failed = come_to(connection, "exp_1", outcome_of(RequestRefused("no")))
    with pytest.raises(SteeringRefused, match="ended as failed") as refused:
        cancel(connection, failed)
    assert refused.value.job.state is State.FAILED


def test_a_failed_start_is_retried_in_a_slot_of_its_own(connection: Connection) -> None:
    accepted(connection, "exp_1")
    failed = come_to(connection, "exp_1", outcome_of(RequestRefused("no")))
    steered = retry(connection, failed)
    assert (steered.job.state, steered.job.generation, steered.wake) == (State.STARTING, 2, True)
    assert (steered.job.finished_at, steered.job.error) == (None, None)
    assert [event.kind for event in reading.timeline(connection, "exp_1")][-2:] == ["retry", "admit"]


def test_a_failed_download_is_retried_without_a_slot_or_a_new_report(connection: Connection) -> None:
    accepted(connection, *(f"busy_{n}" for n in range(SLOTS - 1)))
    ready(connection, "exp_1")
    failed = come_to(connection, "exp_1", outcome_of(RequestRefused("no")))
    accepted(connection, "busy_last")
    assert accounts.slots_used(connection, SHOP) == SLOTS
    alive = retry(connection, failed).job
    assert (alive.state, alive.report_id, alive.generation) == (State.READY, "r-1", 1)
    assert alive.due_at
    assert alive.deadline_at == alive.due_at + alive.deadline


def test_a_live_or_stored_export_is_not_retried(connection: Connection) -> None:
    (job,) = accepted(connection, "exp_1")
    with pytest.raises(SteeringRefused, match="starting and under way"):
        retry(connection, job)
    connection.execute(update(t.exports).values(state=State.STORED.value, finished_at=PAST, due_at=None))
    with pytest.raises(SteeringRefused, match="is stored"):
        retry(connection, job)


def test_an_archived_export_is_not_retried(connection: Connection) -> None:
    with pytest.raises(SteeringRefused, match="archived"):
        retry(connection, make_job(id="exp_gone", state=State.FAILED, finished_at=PAST))


def past_its_deadline(connection: Connection, name: str) -> ExportJob:
    """It failed while the vendor built on."""
    exporting(connection, name)
    connection.execute(update(t.exports).where(t.exports.c.id == name).values(deadline_at=PAST))
    failed = come_to(connection, name, Waiting())
    assert failed.error
    assert (failed.state, failed.error.code) == (State.FAILED, "deadline_passed")
    assert accounts.slots_used(connection, SHOP) == 1
    return failed


def test_a_retry_adopts_the_report_that_the_vendor_went_on_building(connection: Connection) -> None:
    retry(connection, past_its_deadline(connection, "exp_1"))
    start = taken(connection, "exp_1")
    assert start.outcome == Advanced(to=State.EXPORTING, report_id="r-1", asked=False)
    assert write_outcome(connection, start.job, start.outcome, POLICY, seconds=0.0)
    alive = found(connection, "exp_1")
    assert (alive.state, alive.report_id) == (State.EXPORTING, "r-1")
    assert accounts.slots_used(connection, SHOP) == 1


def test_of_an_adopted_report_nothing_is_learned(connection: Connection) -> None:
    retry(connection, past_its_deadline(connection, "exp_1"))
    start = taken(connection, "exp_1")
    assert start.outcome
    come_to(connection, "exp_1", start.outcome)
    built = come_to(connection, "exp_1", Advanced(to=State.READY, build_seconds=0.0))
    assert build_times.recent(connection, built.account, built.report_type) == []
    exporting(connection, "exp_2")
    come_to(connection, "exp_2", Advanced(to=State.READY, build_seconds=0.0))
    assert len(build_times.recent(connection, built.account, built.report_type)) == 1


def test_a_retry_adopts_the_report_that_was_built_meanwhile(connection: Connection) -> None:
    failed = past_its_deadline(connection, "exp_1")
    end_orphans(connection, built=True)
    assert accounts.slots_used(connection, SHOP) == 0
    retry(connection, failed)
    assert taken(connection, "exp_1").outcome == Advanced(to=State.EXPORTING, report_id="r-1", asked=False)


@pytest.mark.parametrize("ended", [False, True])
def test_a_retry_from_the_start_adopts_nothing_and_leaks_no_slot(connection: Connection, ended: bool) -> None:  # noqa: FBT001 - a parameter of the test
    failed = past_its_deadline(connection, "exp_1")
    if ended:
        end_orphans(connection, built=True)
    retry_from_start(connection, failed)
    assert taken(connection, "exp_1").outcome is None
    assert accounts.slots_used(connection, SHOP) == (1 if ended else 2)
    if not ended:
        end_orphans(connection, built=False)
        assert accounts.slots_used(connection, SHOP) == 1


def test_each_life_may_order_as_many_reports_as_the_first(connection: Connection) -> None:
    lost = outcome_of(ReportLost("the vendor failed it"))
    accepted(connection, "exp_1")
    for life in range(3):
        for number in range(POLICY.max_generations):
            job = found(connection, "exp_1")
            assert job.generation == life * POLICY.max_generations + number + 1
            come_to(connection, "exp_1", Advanced(to=State.EXPORTING, report_id=f"r-{life}-{number}"))
            come_to(connection, "exp_1", lost)
        failed = found(connection, "exp_1")
        assert failed.state is State.FAILED
        retry_from_start(connection, failed)


def test_retried_exports_take_their_turns_among_the_tenants(connection: Connection) -> None:
    accepted(connection, *(f"busy_{n}" for n in range(SLOTS)))
    old = accepted(connection, "old_1", "old_2", tenant="a")
    for job in old:
        cancel(connection, job)
    accepted(connection, "new_1", tenant="b")
    for job in old:
        retry(connection, job)
    queue = [job.id for job in ledger.find_queued(connection, SHOP, 10)]
    assert set(queue[:2]) == {"old_1", "new_1"}


def test_a_retry_makes_its_batch_unfinished(connection: Connection) -> None:
    (job,) = accepted(connection, "exp_1")
    batches.create(connection, "bat_1", [(job, True)], {})
    cancel(connection, job)
    assert [batch.id for batch in batches.finish(connection)] == ["bat_1"]
    retry(connection, job)
    batch = batches.find(connection, "bat_1")
    assert batch
    assert batch.finished_at is None


def test_what_a_batch_only_joined_is_told_apart(connection: Connection) -> None:
    mine, joined = accepted(connection, "exp_1", "exp_2")
    batches.create(connection, "bat_1", [(mine, True), (joined, False)], {})
    assert steering.not_made_for(connection, "bat_1") == {"exp_2"}


def test_a_changed_priority_changes_the_place_in_the_queue(connection: Connection) -> None:
    *_, first, second = accepted(connection, *(f"exp_{n}" for n in range(SLOTS + 2)))
    assert prioritizing(7, BY)(connection, second).job.priority == 7
    assert [job.id for job in ledger.find_queued(connection, SHOP, 2)] == [second.id, first.id]
    assert not prioritizing(7, BY)(connection, second).changed
    event = reading.timeline(connection, second.id)[-1]
    assert (event.kind, event.note) == ("priority", f"0 to 7; {BY}")


def test_only_a_queued_export_changes_its_priority(connection: Connection) -> None:
    (job,) = accepted(connection, "exp_1")
    with pytest.raises(SteeringRefused, match="is starting"):
        prioritizing(7, BY)(connection, job)


def test_while_an_account_is_paused_nothing_is_started_and_the_rest_goes_on(connection: Connection) -> None:
    exporting(connection, "exp_1")
    assert steering.pause(connection, SHOP, "anna")
    assert not steering.pause(connection, SHOP, "ben")
    (waiting,) = accepted(connection, "exp_2")
    assert waiting.state is State.QUEUED
    assert admission.accounts_with_room(connection) == []
    assert come_to(connection, "exp_1", Advanced(to=State.READY)).state is State.READY
    assert found(connection, "exp_2").state is State.QUEUED
    (stands,) = accounts.stand(connection, [SHOP])
    assert stands.throttle.paused_at
    assert stands.throttle.paused_by == "anna"
    assert steering.resume(connection, SHOP)
    assert not steering.resume(connection, SHOP)
    assert accounts.stand(connection, [SHOP])[0].throttle.paused_by is None
    assert found(connection, "exp_2").state is State.STARTING


def test_settlements_leave_a_pause_alone(connection: Connection) -> None:
    exporting(connection, "exp_1")
    steering.pause(connection, SHOP, "anna")
    throttle, _ = accounts.lock(connection, SHOP)
    accounts.write(connection, SHOP, throttle)
    assert accounts.lock(connection, SHOP)[0].paused_at == throttle.paused_at is not None


def test_a_cancelled_lease_is_told_as_lost_and_others_are_renewed(connection: Connection) -> None:
    for name in ("exp_1", "exp_2"):
        accepted(connection, name)
    held = [
        ledger.Lease(job.id, job.version, job.leased) for job in (taken(connection, n).job for n in ("exp_1", "exp_2"))
    ]
    cancel(connection, found(connection, "exp_1"))
    # A clock that was set back: nothing to renew, and nothing lost.
    connection.execute(
        update(t.exports).where(t.exports.c.id == "exp_2").values(due_at=datetime(2100, 1, 1, tzinfo=UTC))
    )
    assert ledger.renew(connection, held, LEASE) == held[:1]


def test_what_was_cancelled_in_its_download_is_found_for_an_hour(connection: Connection) -> None:
    cancel(connection, ready(connection, "exp_1"))
    cancel(connection, exporting(connection, "exp_2"))
    within, none = timedelta(hours=1), timedelta()
    assert [job.id for job in lives.cancelled_downloads(connection, within=within, but=none)] == ["exp_1"]
    assert lives.cancelled_downloads(connection, within=within, but=timedelta(minutes=1)) == []
    retry(connection, found(connection, "exp_1"))
    assert lives.cancelled_downloads(connection, within=within, but=none) == []
