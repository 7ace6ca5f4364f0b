"""Checks how many starts the vendor's rate limit allows an account."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.exports.throttle import Effect, Throttle
from tests.exports.jobs import NOON
from tests.exports.throttles import account, later, opened, probing, told


def bucket(**changes: Any) -> Throttle:
    """An account of fifty slots and a bucket that nobody has touched."""
    return account(**{"max_started": 50, "burst": 20.0, "refill": 0.5, **changes})


@pytest.mark.parametrize("refill", [0.0, 0.5])
def test_a_bucket_that_nobody_has_touched_is_full(refill: float) -> None:
    assert bucket(refill=refill).admits(0, NOON) == 20


def test_an_account_without_a_rate_has_its_slots_only() -> None:
    throttle = account(50).admitted(50, NOON)
    assert throttle.admits(0, NOON) == 50


def test_what_was_admitted_is_missing_from_the_bucket_until_it_is_refilled() -> None:
    throttle = bucket().admitted(20, NOON)
    assert [throttle.admits(0, later(seconds)) for seconds in (0.0, 1.9, 2.0, 10.0, 39.9, 40.0)] == [0, 0, 1, 5, 19, 20]


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    throttle = bucket().admitted(20, NOON)
    assert throttle.admits(0, later(1e6)) == 20
    assert replace(throttle, burst=3.0).admits(0, later(1e6)) == 3


def test_a_bucket_that_is_not_refilled_stays_empty() -> None:
    assert bucket(refill=0.0).admitted(20, NOON).admits(0, later(1e6)) == 0


def test_slots_in_use_keep_the_bucket_from_being_emptied() -> None:
    assert bucket().admits(45, NOON) == 5
    assert bucket().admits(60, NOON) == 0


@given(
    burst=st.floats(1.0, 100.0),
    refill=st.floats(0.0, 10.0),
    wishes=st.lists(st.tuples(st.floats(0.0, 60.0), st.integers(1, 30)), max_size=30),
)
def test_in_no_stretch_of_time_more_is_admitted_than_the_burst_and_what_was_refilled(
    burst: float, refill: float, wishes: list[tuple[float, int]]
) -> None:
    throttle, at, taken = bucket(burst=burst, refill=refill), 0.0, 0
    for gap, wish in wishes:
        at += gap
        allowed = throttle.admits(0, later(at))
        assert allowed >= 0
        count = min(wish, allowed)
        throttle = throttle.admitted(count, later(at))
        taken += count
        assert taken <= burst + refill * at + 1e-4
        assert throttle.tokens >= 0.0 or not count


@given(burst=st.floats(1.0, 100.0), refill=st.floats(0.01, 10.0), wishes=st.lists(st.floats(0.0, 60.0), max_size=30))
def test_a_bucket_that_is_always_emptied_loses_nothing_to_rounding(
    burst: float, refill: float, wishes: list[float]
) -> None:
    throttle, at, taken = bucket(burst=burst, refill=refill, max_started=10**6), 0.0, 0
    for gap in [0.0, *wishes]:
        at += min(gap, (burst - 1) / refill)
        count = throttle.admits(0, later(at))
        throttle = throttle.admitted(count, later(at))
        taken += count
    assert taken >= math.floor(burst + refill * at - 1e-3)


def test_a_probe_from_an_empty_bucket_leaves_nothing_to_admit_and_never_less() -> None:
    empty = opened(max_started=50, burst=20.0, refill=0.1, tokens=0.0, tokens_at=NOON)
    under_way, at = probing(empty)
    closed = told(under_way, Effect.STARTED, at=at)
    assert closed.admits(0, later(at)) == 0


def test_a_clock_that_was_set_back_leaves_nothing_to_admit_and_never_less() -> None:
    throttle = bucket().admitted(20, NOON)
    assert throttle.admits(0, later(-60.0)) == 0
