"""Promises of how far an export's file is said to reach."""

from datetime import timedelta
from typing import Any

import pytest

from landfall.exports.coverage import covered_until
from tests.exports.jobs import NOON, make_job

HOUR = timedelta(hours=1)


def reach(end: str | None, **changes: Any) -> timedelta | None:
    """How long after noon; the export was asked for at noon."""
    request = {"report_type": "USER_EVENTS"} | ({"end": end} if end else {})
    until = covered_until(make_job(request=request, **changes))
    return until - NOON if until else None


def test_a_file_reaches_to_the_end_of_what_was_asked_for() -> None:
    assert reach("2026-01-31T11:00:00Z", started_at=NOON + HOUR) == -HOUR
    assert reach("2026-01-31T12:30:00+01:00", started_at=NOON + HOUR) == -HOUR / 2


def test_a_file_reaches_no_further_than_the_order_of_its_report() -> None:
    assert reach("2026-02-28T00:00:00Z", started_at=NOON + HOUR) == HOUR
    assert reach(None, started_at=NOON + HOUR) == HOUR


def test_a_start_that_took_long_to_answer_was_ordered_when_its_slot_was_given() -> None:
    deadline = timedelta(hours=12)
    admitted = NOON + HOUR / 2
    assert reach(None, started_at=NOON + HOUR, deadline_at=admitted + deadline, deadline=deadline) == HOUR / 2


def test_a_retry_of_the_download_alone_makes_the_report_no_newer() -> None:
    deadline = timedelta(hours=12)
    retried = NOON + 5 * HOUR
    assert reach(None, started_at=NOON + HOUR, deadline_at=retried + deadline, deadline=deadline) == HOUR


def test_a_report_of_which_no_start_is_known_reaches_to_when_it_was_asked_for() -> None:
    assert reach(None, deadline_at=NOON + 20 * HOUR) == timedelta()
    assert reach("2026-01-31T11:00:00Z") == -HOUR


@pytest.mark.parametrize(("end", "hours"), [("2026-01-31", -12), ("2026-01-31T11:00:00", -1)])
def test_an_end_without_a_zone_is_utc(end: str, hours: int) -> None:
    assert reach(end, started_at=NOON + HOUR) == hours * HOUR


def test_of_an_end_that_cannot_be_read_nothing_is_said() -> None:
    assert reach("tomorrow", started_at=NOON + HOUR) is None
