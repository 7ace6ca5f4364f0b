"""Checks how a range is cut into windows."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.exports.windows import Window, cut, read_window

BERLIN = ZoneInfo("Europe/Berlin")
WINDOWS = st.builds(Window, st.integers(0, 13), st.integers(0, 40), st.integers(0, 50)).filter(
    lambda window: bool(window.months or window.days or window.hours)
)
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants them without


def day(text: str, zone: ZoneInfo | None = None) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone or UTC)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("P1D", Window(days=1)),
        ("P2W", Window(days=14)),
        ("P1M", Window(months=1)),
        ("P1Y6M", Window(months=18)),
        ("PT6H", Window(hours=6)),
        ("P1DT12H", Window(days=1, hours=12)),
    ],
)
def test_a_duration_is_read(text: str, window: Window) -> None:
    assert read_window(text) == window


@pytest.mark.parametrize("text", ["", "P", "PT", "1D", "P0D", "P-1D", "P1.5D", "PT30M", "P1DT", "p1d", "day", "P1D "])
def test_a_text_that_is_no_such_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="P1D"):
        read_window(text)


def test_days_of_a_zone_are_as_long_as_its_clocks_make_them() -> None:
    found = list(cut(day("2026-03-28", BERLIN), day("2026-03-31", BERLIN), Window(days=1), BERLIN))
    assert [last - first for first, last in found] == [timedelta(hours=hours) for hours in (24, 23, 24)]


def test_hours_are_as_long_as_ever_where_a_zone_turns_its_clocks() -> None:
    found = list(cut(day("2026-03-29", BERLIN), day("2026-03-30", BERLIN), Window(hours=6), BERLIN))
    assert [last - first for first, last in found] == [timedelta(hours=hours) for hours in (6, 6, 6, 5)]


def test_months_are_counted_from_the_first_day_whatever_their_length() -> None:
    found = list(cut(day("2026-01-31"), day("2026-05-01"), Window(months=1)))
    assert [last for _, last in found] == [day("2026-02-28"), day("2026-03-31"), day("2026-04-30"), day("2026-05-01")]


def test_a_day_that_a_zone_left_out_is_no_window() -> None:
    apia = ZoneInfo("Pacific/Apia")
    found = list(cut(day("2011-12-29", apia), day("2012-01-01", apia), Window(days=1), apia))
    assert [last - first for first, last in found] == [timedelta(days=1)] * 2


def test_a_window_beyond_the_end_of_the_calendar_ends_with_the_range() -> None:
    first, last = day("9999-12-30"), day("9999-12-31")
    assert list(cut(first, last, Window(months=12))) == [(first, last)]


@given(MOMENTS, st.timedeltas(timedelta(seconds=1), timedelta(days=2000)), WINDOWS, st.sampled_from([UTC, BERLIN]))
def test_windows_cover_the_range_without_gap_or_overlap(
    start: datetime, length: timedelta, window: Window, zone: ZoneInfo
) -> None:
    found = list(islice(cut(start, start + length, window, zone), 3000))
    assert found[0][0] == start
    assert all(first < last for first, last in found)
    assert all(one[1] == other[0] for one, other in pairwise(found))
    if len(found) < 3000:
        assert found[-1][1] == start + length
