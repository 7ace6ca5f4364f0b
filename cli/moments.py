"""Reads moments and spans of time as they are typed."""

import contextlib
import re
from datetime import UTC, date, datetime, time, timedelta

from cli.failures import WrongInputError

_SPAN = re.compile(r"([0-9]{1,6})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def as_moment(name: str, text: str) -> datetime:
    """Read a moment, or a date as its midnight UTC. Raises WrongInputError, naming the option."""
    with contextlib.suppress(ValueError):
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    with contextlib.suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo:
            return moment.astimezone(UTC)
    raise WrongInputError(f"{name}: {text!r} is no date or moment; write it as 2026-01-31 or 2026-01-31T10:00:00Z.")


def as_span(name: str, text: str) -> timedelta:
    """Read a time like 90d, 12h or 8w. Raises WrongInputError, naming the option."""
    found = _SPAN.fullmatch(text)
    if not found or not int(found[1]):
        raise WrongInputError(f"{name}: {text!r} is no span of time; write it as 90d, 12h or 8w.")
    return int(found[1]) * _UNITS[found[2]]
