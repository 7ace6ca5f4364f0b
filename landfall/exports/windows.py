"""Cuts a range of time into windows of a calendar's length."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

_FORM = re.compile(
    r"P(?:(?P<years>\d{1,4})Y)?(?:(?P<months>\d{1,4})M)?(?:(?P<weeks>\d{1,4})W)?(?:(?P<days>\d{1,5})D)?"
    r"(?:T(?P<hours>\d{1,5})H)?"
)
_MONTHS_A_YEAR = 12
_DAYS_A_WEEK = 7


@dataclass(frozen=True, slots=True)
class Window:
    """A length of time: months and days by the calendar, hours by the clock."""

    months: int = 0
    days: int = 0
    hours: int = 0


def read_window(text: str) -> Window:
    """Read an ISO 8601 duration of whole years, months, weeks, days or hours. Raises ValueError for any other text."""
    found = _FORM.fullmatch(text)
    numbers = {name: int(value) for name, value in found.groupdict().items() if value} if found else {}
    if not any(numbers.values()) or text.endswith("T"):
        raise ValueError(
            "write it as an ISO 8601 duration of months, weeks, days or hours, for example P1D, P1W or PT6H"
        )
    return Window(
        months=numbers.get("years", 0) * _MONTHS_A_YEAR + numbers.get("months", 0),
        days=numbers.get("weeks", 0) * _DAYS_A_WEEK + numbers.get("days", 0),
        hours=numbers.get("hours", 0),
    )


def cut(start: datetime, end: datetime, window: Window, zone: tzinfo = UTC) -> Iterator[tuple[datetime, datetime]]:
    """The windows from `start` on, in UTC; the last one ends with `end`.

    Months and days are counted on the calendar of `zone`, each from `start`: from the 31st of January on a month ends
    with the last day of February and the next one with the 31st of March.
    """
    first, number = start.astimezone(UTC), 0
    last = end.astimezone(UTC)
    while first < last:
        number += 1
        border = min(_later(start.astimezone(zone), window, number), last)
        # A day that a zone left out of its calendar is no window.
        if border > first:
            yield first, border
            first = border


def _later(start: datetime, window: Window, times: int) -> datetime:
    try:
        local = _add_months(start, window.months * times) + timedelta(days=window.days * times)
        # By the clock, not by the calendar: an hour is an hour, whatever the zone does to its clocks.
        return local.astimezone(UTC) + timedelta(hours=window.hours * times)
    except (OverflowError, ValueError):
        return datetime.max.replace(tzinfo=UTC)


def _add_months(moment: datetime, months: int) -> datetime:
    years, month = divmod(moment.month - 1 + months, _MONTHS_A_YEAR)
    year = moment.year + years
    day = min(moment.day, _days_of(year, month + 1))
    return moment.replace(year=year, month=month + 1, day=day)


def _days_of(year: int, month: int) -> int:
    beyond = datetime(year + month // _MONTHS_A_YEAR, month % _MONTHS_A_YEAR + 1, 1, tzinfo=UTC)
    return (beyond - timedelta(days=1)).day
