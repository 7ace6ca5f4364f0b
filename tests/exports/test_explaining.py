"""Promises of explanations: each state is explained in words and data, and expectations follow from what is known."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from landfall.exports.build_times import Sighting
from landfall.exports.circumstances import Circumstances, Detail, Explanation, Holder, Last, Line, ordinal, span
from landfall.exports.errors import ReportLost
from landfall.exports.expecting import Usual, seconds_until_start, usual
from landfall.exports.explaining import explain
from landfall.exports.job import Artifact, Fault
from landfall.exports.states import State
from tests.exports.jobs import NOON, make_job
from tests.exports.throttles import account, later, opened, probing

USUAL = Usual(180.0, 300.0, 20)
FAULT = Fault("storage_full", "the disk is full", "Make room.")
HOLDERS = [Holder(f"exp_{number}", State.EXPORTING, NOON, 60.0 * number) for number in range(1, 6)]
FULL = Line(account(), 5, HOLDERS, place=3)
FILE = Artifact("file:///x.csv", 10, 3, "0" * 64, ("a",), empty=False)


def explained(line: Line | None = None, **more: Any) -> Explanation:
    job = {name: more.pop(name) for name in list(more) if name not in {"last", "usual", "workers", "archived"}}
    return explain(Circumstances(job=make_job(**job), now=NOON, line=line, **more))


def codes(found: Explanation) -> list[str]:
    return [detail.code for detail in found.details]


def the(found: Explanation, code: str) -> Detail:
    return next(detail for detail in found.details if detail.code == code)


def test_a_queued_export_tells_who_holds_the_slots_its_place_and_when_it_is_likely_to_start() -> None:
    found = explained(FULL, usual=USUAL)
    assert found.summary == (
        "Waits for a slot: 5 of 5 held by exp_1, exp_2, exp_3, exp_4, exp_5; 3rd in the queue; "
        "expected start about 2026-01-31 12:03:00Z."
    )
    assert the(found, "queue").data["place"] == 3
    assert [each["id"] for each in the(found, "waits_for_slot").data["holders"]] == [each.id for each in HOLDERS]
    assert found.expected.start_at == later(180)
    assert found.expected.built_at == later(360)


def test_nothing_is_expected_of_what_nobody_knows() -> None:
    assert explained(FULL).expected.start_at is None
    unknown = replace(FULL, holders=[replace(HOLDERS[0], seconds=None), *HOLDERS[1:]])
    assert explained(unknown, usual=USUAL).expected.start_at is None


def test_an_account_that_is_paused_comes_first_and_nothing_is_expected() -> None:
    found = explained(replace(FULL, throttle=account(paused_at=NOON, paused_by="anna")), usual=USUAL)
    assert codes(found)[0] == "account_paused"
    assert found.summary.startswith("Account shop-bwp has been paused since 2026-01-31 12:00:00Z by key anna: ")
    assert the(found, "account_paused").data == {"since": NOON, "by": "anna"}
    assert found.expected.start_at is None


def test_an_account_that_is_blocked_says_until_when_and_no_start_is_expected_before() -> None:
    blocked = Line(account(blocked_until=later(600)), 0, place=1)
    found = explained(blocked, usual=USUAL)
    assert "Retry-After" in found.summary
    assert the(found, "account_blocked").data["until"] == later(600)
    assert found.expected.start_at == later(600)


def test_an_open_breaker_tells_its_reason_and_the_next_try() -> None:
    throttle = opened()
    found = explained(Line(throttle, 0, place=1))
    assert the(found, "breaker_open").data["until"] == throttle.open_until
    assert "vendor_unavailable: the vendor is down" in found.summary
    assert "breaker_half_open" in codes(explained(Line(probing(throttle)[0], 0, place=1)))


def test_an_empty_bucket_tells_when_the_next_start_is_due() -> None:
    empty = account(burst=3.0, refill=0.1, tokens=0.5, tokens_at=NOON)
    found = explained(Line(empty, 0, place=1))
    assert the(found, "rate_bucket_empty").data["next_at"] == later(5)
    assert found.expected.start_at == later(5)


def test_an_account_that_is_throttled_says_how_many_slots_it_uses_for_now() -> None:
    lowered = account(limit=2.0)
    assert the(explained(Line(lowered, 2, HOLDERS[:2], place=1)), "slots_lowered").data == {
        "limit": 2,
        "max_started": 5,
    }


def test_the_first_of_a_queue_with_a_free_slot_is_next() -> None:
    found = explained(Line(account(), 2, HOLDERS[:2], place=1))
    assert codes(found)[0] == "next"
    assert found.expected.start_at == NOON


def test_an_export_that_was_sent_back_tells_why() -> None:
    assert the(explained(FULL, error=FAULT), "last_error").data["error"]["code"] == "storage_full"


def test_a_step_that_runs_names_the_end_of_its_worker_s_lease() -> None:
    for state, code in ((State.STARTING, "starting"), (State.READY, "downloading")):
        found = explained(Line(account(), 1), state=state, leased=True, attempts=2, due_at=later(10))
        assert the(found, code).data == {"attempt": 2, "lease_until": later(10)}
        assert found.expected.next_step_at is None


def test_an_export_at_the_vendor_tells_its_polls_and_what_is_usual() -> None:
    job = {"state": State.EXPORTING, "polls": 4, "polled_at": later(-9), "due_at": later(21), "started_at": later(-60)}
    found = explained(Line(account(), 1), usual=USUAL, **job)
    assert (
        "asked 4 times, last at 2026-01-31 11:59:51Z; the next question is due at 2026-01-31 12:00:21Z" in found.summary
    )
    assert the(found, "usual_build_time").data["median_seconds"] == 180.0
    assert (found.expected.built_at, found.expected.next_step_at) == (later(120), later(21))
    assert "longer_than_usual" not in codes(found)


def test_a_report_that_takes_longer_than_usual_is_said_to() -> None:
    job = {"state": State.EXPORTING, "due_at": later(21), "started_at": later(-600)}
    found = explained(Line(account(), 1), usual=USUAL, **job)
    assert "longer_than_usual" in codes(found)
    assert found.expected.built_at is None
    assert "no_build_times" in codes(explained(Line(account(), 1), **job))


@pytest.mark.parametrize(
    ("fault", "code"), [(FAULT, "waits_for_room"), (Fault("transfer_broken", "it broke", "Wait."), "retry_waits")]
)
def test_a_step_that_is_tried_again_tells_its_last_error_and_when(fault: Fault, code: str) -> None:
    found = explained(Line(account(), 1), state=State.READY, error=fault, attempts=3, due_at=later(40))
    assert the(found, code).data["next_at"] == later(40)
    assert fault.action in found.summary


def test_a_step_that_nobody_takes_is_overdue_and_a_missing_worker_is_named() -> None:
    assert codes(explained(Line(account(), 1), state=State.READY, due_at=later(-1)))[0] == "due"
    found = explained(Line(account(), 1), state=State.READY, due_at=later(-60), workers=0)
    assert codes(found)[:2] == ["overdue", "no_worker"]


def test_without_a_worker_no_start_is_expected_and_the_summary_says_so() -> None:
    found = explained(FULL, usual=USUAL, workers=0)
    assert found.summary.endswith("; 3rd in the queue; no worker was heard of lately.")
    assert found.expected.start_at is found.expected.built_at is None
    built = explained(Line(account(), 1), state=State.READY, due_at=later(-1), workers=0)
    assert built.summary.endswith("; no worker was heard of lately.")


def test_a_wait_that_cost_no_attempt_speaks_of_none() -> None:
    waits: dict[str, Any] = {"state": State.EXPORTING, "error": FAULT, "due_at": later(5)}
    assert the(explained(**waits), "waits_for_room").text == (
        "Its poll met storage_full: the disk is full. It is tried again at 2026-01-31 12:00:05Z. Make room."
    )
    failed = the(explained(**waits, attempts=2), "waits_for_room")
    assert "12:00:05Z, after 2 failed attempts. Make room." in failed.text


def test_what_has_ended_says_where_why_or_by_whom() -> None:
    stored = explained(state=State.STORED, artifact=FILE, finished_at=NOON)
    assert "file:///x.csv" in stored.summary
    failed = explained(
        state=State.FAILED, error=FAULT, attempts=18, finished_at=NOON, last=Last("give up", NOON, "download", None)
    )
    assert failed.summary.startswith("It failed in its download on 2026-01-31 12:00:00Z: storage_full")
    assert the(failed, "what_helps").text == "Make room."
    cancelled = explained(state=State.CANCELLED, finished_at=NOON, last=Last("cancel", NOON, None, "by key ops"))
    assert cancelled.summary == "It was cancelled on 2026-01-31 12:00:00Z by key ops."
    for ended in (stored, failed, cancelled):
        assert ended.expected.start_at is ended.expected.built_at is ended.expected.next_step_at is None


def test_a_failure_that_only_a_new_report_helps_names_the_command_that_orders_one() -> None:
    lost = explained(state=State.FAILED, error=ReportLost("the report failed").fault)
    assert the(lost, "retry").text == "`landfall retry exp_1 --from start` orders the new report."
    full = explained(state=State.FAILED, error=FAULT)
    assert the(full, "retry").text == "Once that is done, `landfall retry exp_1` has it tried again from there."


def test_an_archived_export_says_so_and_offers_no_retry() -> None:
    found = explained(state=State.FAILED, error=FAULT, archived=True)
    assert "archived" in codes(found)
    assert "retry" not in codes(found)


@pytest.mark.parametrize("state", list(State))
def test_every_state_is_explained_in_at_least_one_sentence(state: State) -> None:
    found = explained(Line(account(), 0, place=1), state=state, due_at=later(1) if state is State.EXPORTING else None)
    assert found.summary.endswith(".")
    assert found.details


def test_a_start_is_expected_after_those_ahead_and_their_builds() -> None:
    assert seconds_until_start(1, [10.0, 20.0], 2, 100.0) == 10.0
    assert seconds_until_start(3, [10.0, 20.0], 2, 100.0) == 110.0
    assert seconds_until_start(1, [10.0], 2, 100.0) == 0.0
    assert seconds_until_start(1, [10.0, 20.0, 30.0], 1, 100.0) == 30.0


def test_what_is_usual_needs_a_few_reports() -> None:
    assert usual([Sighting(1.0, 1.0)] * 2) is None
    found = usual([Sighting(float(number), float(number) + 2) for number in range(10)])
    assert found == Usual(6.0, 10.0, 10)


def test_numbers_and_times_are_written_for_people() -> None:
    assert [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 21, 112)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "21st", "112th",
    ]  # fmt: skip
    assert [span(timedelta(**each).total_seconds()) for each in ({"seconds": 4}, {"seconds": 200}, {"minutes": 125})] == [
        "4 s", "3 min 20 s", "2 h 05 min",
    ]  # fmt: skip
