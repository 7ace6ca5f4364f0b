"""Reads Range and If-Range headers as RFC 9110 (sections 13.1.5 and 14.2) has them."""

import re
from dataclasses import dataclass

_ONE_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*")


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes from offset ``start`` up to, not including, ``stop``."""

    start: int
    stop: int


class UnsatisfiableError(Exception):
    """The range lies outside of the body."""


def asked_span(range_header: str | None, size: int) -> Span | None:
    """Return the span asked for, or None for the whole body (no range, several, or one that is no range).

    Raises:
        UnsatisfiableError: none of the bytes asked for exists.

    """
    match = _ONE_RANGE.fullmatch(range_header or "")
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        span = Span(max(size - int(last), 0), size)
    elif last and int(last) < int(first):
        return None
    else:
        span = Span(int(first), min(int(last) + 1, size) if last else size)
    if span.start >= span.stop:
        raise UnsatisfiableError
    return span


def still_the_same(if_range: str | None, etag: str, last_modified: str) -> bool:
    """Tell whether the client's copy is of this body; a weak tag never is."""
    return if_range is None or if_range in (etag, last_modified)
