"""Puts exports into words, for terminals and pipes."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

ENDED = frozenset({"stored", "failed", "cancelled"})
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")
_MINUTE = 60


def plain(value: object) -> str:
    """One line of text without control characters: what a vendor wrote must not steer a terminal."""
    return _UNPRINTABLE.sub(" ", str(value))


def span(seconds: float) -> str:
    """Seconds for people: 4 s, 3 min 20 s, 2 h 05 min."""
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _MINUTE**2:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    return f"{whole // _MINUTE**2} h {whole % _MINUTE**2 // _MINUTE:02} min"


def moment(text: str | None) -> str:
    """A time of the API, to the second, in this machine's zone; nothing for null."""
    if not text:
        return ""
    return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M:%S}"


def aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    """Rows of two cells as lines, the second cells below each other."""
    pairs = [(first, second) for first, second in rows]
    width = max((len(first) for first, _ in pairs), default=0)
    return [f"  {first:{width}}  {second}".rstrip() for first, second in pairs]
