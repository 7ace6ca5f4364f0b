"""Promises of the tally: what each event counts as, and what it does not."""

from datetime import timedelta
from typing import Any

import pytest

from landfall.exports.states import TRANSITIONS, State
from landfall.exports.tally import Happened, Kind, Tally, tally
from tests.exports.jobs import NOON

_KIND = Kind(NOON, "shop-bwp", "buy_with_prime", "USER_EVENTS")


def happened(kind: str, **more: Any) -> Happened:
    plain: dict[str, Any] = dict.fromkeys(Happened._fields)
    export = {"account": "shop-bwp", "vendor": "buy_with_prime", "report_type": "USER_EVENTS", "created_at": NOON}
    return Happened(
        **{**plain, "export_id": "exp_1", "at": NOON + timedelta(seconds=30), "kind": kind, **export, **more}
    )


def counted(*events: Happened) -> dict[str, int]:
    return {name: count for name, count in tally(events).counters.get(_KIND, {}).items() if count}


def phases(*events: Happened) -> dict[str, float]:
    return {phase: of.longest for (_, phase), of in tally(events).durations.items()}


@pytest.mark.parametrize(
    ("kind", "more", "expected"),
    [
        ("accept", {}, {"accepted": 1}),
        ("start", {"step": "start"}, {"started": 1}),
        ("start, built at once", {"step": "start"}, {"started": 1}),
        ("wait", {"step": "poll"}, {"polls": 1}),
        ("poll", {"step": "poll"}, {"polls": 1}),
        ("report lost", {"step": "poll", "error_code": "report_lost"}, {"polls": 1}),
        ("retry", {"step": "poll", "error_code": "answer_lost"}, {"polls": 1, "retried": 1}),
        ("retry", {"step": "download", "error_code": "transfer_broken"}, {"retried": 1}),
        ("retry", {}, {}),
        ("sent back", {"step": "start", "error_code": "throttled"}, {"throttled": 1}),
        ("sent back", {"step": "start", "error_code": "answer_lost"}, {"retried": 1}),
        ("wait", {"step": "poll", "error_code": "rate_limited"}, {"polls": 1, "throttled": 1}),
        ("wait", {"step": "poll", "error_code": "account_closed"}, {}),
        ("wait", {"step": "download", "error_code": "downloads_busy"}, {}),
        ("rescued", {"step": "poll"}, {"crashes": 1}),
        ("give up", {"step": "start", "error_code": "request_refused"}, {"failed": 1}),
        ("give up", {"step": "download", "error_code": "worker_died"}, {"failed": 1, "crashes": 1}),
        ("cancel", {"step": "poll"}, {"cancelled": 1}),
        ("handed back", {"step": "poll"}, {}),
        ("pruned", {}, {}),
        (
            "download",
            {"step": "download", "file_bytes": 5, "file_rows": 0, "file_empty": True},
            {"stored": 1, "empty": 1, "bytes": 5},
        ),
    ],
)
def test_an_event_counts_as(kind: str, more: dict[str, Any], expected: dict[str, int]) -> None:
    assert counted(happened(kind, **more)) == expected


def test_the_names_of_the_moves_are_those_of_the_state_table() -> None:
    """What a release before this one wrote is counted by these names."""
    named = {name for edges in TRANSITIONS.values() for name in edges.values()}
    assert {"admit", "start", "poll", "download", "give up", "cancel", "sent back", "report lost"} <= named
    assert TRANSITIONS[State.STARTING][State.READY] == "start, built at once"


def test_the_wait_in_the_queue_ends_with_the_first_admission() -> None:
    assert phases(happened("admit", admitted_before=False)) == {"queue": 30.0}
    assert phases(happened("admit", admitted_before=True)) == {}


def test_a_report_builds_from_its_order_until_it_is_found_built() -> None:
    ordered = NOON + timedelta(seconds=10)
    assert phases(happened("poll", step="poll", ordered_at=ordered, seconds=0.5)) == {"poll": 0.5, "build": 20.0}
    assert phases(happened("poll", step="poll", seconds=0.5)) == {"poll": 0.5}


def test_an_export_lands_from_its_acceptance_until_it_is_stored() -> None:
    assert phases(happened("download", step="download", seconds=4.0)) == {"download": 4.0, "landing": 30.0}


def test_a_step_that_was_put_off_did_not_run() -> None:
    assert phases(happened("wait", step="download", seconds=0.001, error_code="downloads_busy")) == {}


def test_failures_are_kept_apart_by_step_and_error_with_the_last_of_them() -> None:
    found: Tally = tally(
        happened("give up", export_id=export_id, step=step, error_code=code)
        for export_id, step, code in (("a", "start", "x"), ("b", "start", "x"), ("c", "poll", "x"), ("d", None, None))
    )
    told = {(step, code): (each.count, each.last.export_id) for (_, step, code), each in found.failures.items()}
    assert told == {("start", "x"): (2, "b"), ("poll", "x"): (1, "c"), ("", ""): (1, "d")}


def test_what_happens_in_two_hours_is_counted_in_two() -> None:
    later = NOON + timedelta(hours=1, seconds=1)
    found = tally([happened("accept"), happened("accept", at=later)]).counters
    assert {kind.hour for kind in found} == {NOON, NOON + timedelta(hours=1)}
