"""Puts figures into the words of the pages: ages, lengths of time, sizes, moments."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from markupsafe import Markup

from api.pages.prose import prose
from landfall.sizes import size

# Stands where there is no figure.
NOTHING = "\N{EN DASH}"
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_SOON = 10
_KILO = 1000


def duration(value: timedelta | float | None) -> str:
    """A length of time in its two largest units: `0.4 s`, `12 s`, `3 min 20 s`, `5 h 2 min`, `3 d 4 h`."""
    if value is None:
        return NOTHING
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if seconds < _SOON:
        return f"{max(0.0, seconds):.1f} s" if seconds >= 0.1 else f"{max(0.0, seconds * _KILO):.0f} ms"  # noqa: PLR2004 - below it a tenth of a second reads as nothing
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return _two(whole, _MINUTE, "min", 1, "s")
    if whole < _DAY:
        return _two(whole, _HOUR, "h", _MINUTE, "min")
    return _two(whole, _DAY, "d", _HOUR, "h")


def _two(seconds: int, large: int, its_name: str, small: int, other_name: str) -> str:
    rest = seconds % large // small
    return f"{seconds // large} {its_name}" + (f" {rest} {other_name}" if rest else "")


def _size(count: int | None) -> str:
    return NOTHING if count is None else size(count)


def number(count: float | None) -> str:
    """A count with a thin gap between its thousands."""
    if count is None:
        return NOTHING
    return f"{count:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def moment(value: datetime | None) -> Markup:
    """A moment as UTC text that a machine can read too."""
    if value is None:
        return Markup(NOTHING)  # noqa: S704 - our own literal
    utc = value.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(utc.isoformat(), f"{utc:%Y-%m-%d %H:%M:%S}")


def ago(value: datetime | None, now: datetime) -> Markup:
    """How long ago a moment was, or in how long it will be; the moment itself shows on the pointer."""
    if value is None:
        return Markup(NOTHING)  # noqa: S704 - our own literal
    utc = value.astimezone(UTC)
    seconds = (now - value).total_seconds()
    text = "now" if abs(seconds) < 1 else f"{duration(seconds)} ago" if seconds > 0 else f"in {duration(-seconds)}"
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        utc.isoformat(), f"{utc:%Y-%m-%d %H:%M:%S}", text
    )


FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {"duration": duration, "size": _size, "number": number, "moment": moment, "ago": ago, "prose": prose}
)
