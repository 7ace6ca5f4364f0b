"""Reads from what Intelligems answers how long to wait."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from landfall.vendors.retry_after import MAX_DELAY, believable, retry_after

# Were x-ratelimit-reset in seconds after all, its milliseconds would hammer the vendor.
_LEAST_RESET = 1.0


def delay(headers: Mapping[str, str], body: Mapping[str, Any], *, now: datetime) -> float | None:
    """Seconds to wait, at most an hour; None leaves it to our own backoff.

    Believed in this order: the Retry-After header, `retryAfter` (seconds) in the body, x-ratelimit-reset.
    """
    readings = (
        retry_after(headers.get("retry-after"), now=now),
        believable(_number(body.get("retryAfter"))),
        _until_reset(_number(headers.get("x-ratelimit-reset")), now),
    )
    return next((reading for reading in readings if reading is not None), None)


def rest(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Seconds until the next call is welcome, where a good answer says that none remains before; else None."""
    if headers.get("x-ratelimit-remaining", "").strip() != "0":
        return None
    return _until_reset(_number(headers.get("x-ratelimit-reset")), now)


def _until_reset(value: float, now: datetime) -> float | None:
    """Read a value above 1e12 as epoch milliseconds, above 1e9 as epoch seconds, else as milliseconds from now.

    The vendor's page says epoch milliseconds, other sources disagree; no bucket takes an hour to refill.
    """
    if value > 1e12:  # noqa: PLR2004 - explained above
        seconds = value / 1000 - now.timestamp()
    elif value > 1e9:  # noqa: PLR2004 - explained above
        seconds = value - now.timestamp()
    else:
        seconds = value / 1000
    return max(seconds, _LEAST_RESET) if 0 < seconds <= MAX_DELAY else None


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan
