"""Promises of how long an answer of Intelligems makes us wait."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.vendors.intelligems.rate_limit import delay, rest
from landfall.vendors.retry_after import retry_after

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
EPOCH = NOW.timestamp()


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"retry-after": "7"}, {}, 7),
        ({"retry-after": "1.5"}, {}, 1.5),
        ({"retry-after": "Sat, 31 Jan 2026 12:00:30 GMT"}, {}, 30),
        ({"retry-after": "7200"}, {}, 3600),
        ({}, {"retryAfter": 3}, 3),
        ({}, {"retryAfter": "3"}, 3),
        ({"x-ratelimit-reset": "2000"}, {}, 2),
        ({"x-ratelimit-reset": f"{EPOCH + 12:.0f}"}, {}, 12),
        ({"x-ratelimit-reset": f"{(EPOCH + 12) * 1000:.0f}"}, {}, 12),
    ],
)
def test_each_way_of_naming_a_wait_is_read(headers: dict[str, str], body: dict[str, Any], seconds: float) -> None:
    assert delay(headers, body, now=NOW) == pytest.approx(seconds)


def test_the_retry_after_header_is_believed_first_and_the_reset_header_last() -> None:
    every = {"retry-after": "1", "x-ratelimit-reset": "30000"}
    assert delay(every, {"retryAfter": 20}, now=NOW) == 1
    assert delay({"x-ratelimit-reset": "30000"}, {"retryAfter": 20}, now=NOW) == 20
    assert delay({"x-ratelimit-reset": "30000"}, {}, now=NOW) == 30


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, {}),
        ({"retry-after": "0"}, {}),
        ({"retry-after": "-5"}, {}),
        ({"retry-after": "soon"}, {}),
        ({"retry-after": "nan"}, {}),
        ({"retry-after": "Sat, 31 Jan 2026 11:00:00 GMT"}, {}),
        ({}, {"retryAfter": True}),
        ({}, {"retryAfter": None}),
        ({}, {"retryAfter": 10**400}),
        ({"x-ratelimit-reset": f"{EPOCH - 12:.0f}"}, {}),
        ({"x-ratelimit-reset": f"{EPOCH + 7200:.0f}"}, {}),
        ({"x-ratelimit-reset": "1e300"}, {}),
    ],
)
def test_a_wait_that_cannot_be_believed_is_left_to_our_own_backoff(headers: dict[str, str], body: Any) -> None:
    assert delay(headers, body, now=NOW) is None


def test_a_reading_that_is_no_use_gives_way_to_the_next() -> None:
    assert delay({"retry-after": "soon", "x-ratelimit-reset": "4000"}, {"retryAfter": -1}, now=NOW) == 4


def test_milliseconds_that_may_be_seconds_never_hammer() -> None:
    assert delay({"x-ratelimit-reset": "2"}, {}, now=NOW) == 1


@given(
    after=st.none() | st.floats().map(str) | st.text(max_size=40),
    reset=st.none() | st.floats().map(str) | st.integers().map(str) | st.text(max_size=20),
    body=st.none() | st.floats() | st.integers() | st.text(max_size=20) | st.booleans() | st.lists(st.none()),
)
def test_no_answer_whatever_makes_us_wait_less_than_nothing_or_more_than_an_hour(
    after: str | None, reset: str | None, body: object
) -> None:
    headers = {name: value for name, value in (("retry-after", after), ("x-ratelimit-reset", reset)) if value}
    seconds = delay(headers, {"retryAfter": body}, now=NOW)
    assert seconds is None or 0 < seconds <= 3600


RESETS = [("2000", 2), (f"{EPOCH + 12:.0f}", 12), (f"{(EPOCH + 12) * 1000:.0f}", 12), ("2", 1), ("1e3", 1)]
NO_RESETS = [None, "", "soon", "nan", "inf", "-5", "0", "1e300", f"{EPOCH - 12:.0f}", f"{(EPOCH + 7200) * 1000:.0f}"]


@pytest.mark.parametrize(("reset", "seconds"), RESETS)
def test_a_good_answer_with_none_remaining_asks_for_a_rest_until_the_reset(reset: str, seconds: float) -> None:
    assert rest({"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}, now=NOW) == pytest.approx(seconds)


@pytest.mark.parametrize("remaining", [None, "", "1", "20", "-1", "none", "0.5", "00x"])
def test_a_good_answer_with_some_remaining_or_none_told_asks_for_no_rest(remaining: str | None) -> None:
    headers = {"x-ratelimit-reset": "2000"} | ({} if remaining is None else {"x-ratelimit-remaining": remaining})
    assert rest(headers, now=NOW) is None


@pytest.mark.parametrize("reset", NO_RESETS)
def test_a_rest_that_cannot_be_believed_is_none(reset: str | None) -> None:
    headers = {"x-ratelimit-remaining": "0"} | ({} if reset is None else {"x-ratelimit-reset": reset})
    assert rest(headers, now=NOW) is None


@given(
    remaining=st.just("0") | st.integers().map(str) | st.text(max_size=5),
    reset=st.floats().map(str) | st.integers().map(str) | st.text(max_size=20),
)
def test_no_good_answer_whatever_asks_for_a_rest_below_a_second_or_above_an_hour(remaining: str, reset: str) -> None:
    seconds = rest({"x-ratelimit-remaining": remaining, "x-ratelimit-reset": reset}, now=NOW)
    assert seconds is None or 1 <= seconds <= 3600


def test_a_date_without_a_zone_is_read_as_gmt() -> None:
    assert retry_after("Sat, 31 Jan 2026 12:00:30 -0000", now=NOW) == 30
