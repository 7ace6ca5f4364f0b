"""Reads the Retry-After header."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_DELAY = 3600.0


def retry_after(header: str | None, *, now: datetime) -> float | None:
    """Seconds to wait: above 0, at most an hour; None where the header is absent or no use (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        seconds = _until(header, now)
    return believable(seconds)


def believable(seconds: float) -> float | None:
    """Cut a named wait to an hour; None where it is no wait at all."""
    return min(seconds, MAX_DELAY) if math.isfinite(seconds) and seconds > 0 else None


def _until(header: str, now: datetime) -> float:
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return math.nan
    # A date in "-0000" comes out naive; RFC 9110 dates are in GMT.
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds()
