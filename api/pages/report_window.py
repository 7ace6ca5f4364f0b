"""Says in short which window of time a report covers."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def window(request: Mapping[str, Any]) -> str:
    """The request's window: `2026-01-01 to 2026-02-01`, with times where they are not midnight; empty where it names none."""
    ends = [_moment(request.get(name)) for name in ("start", "end")]
    plain = all(end is None or (end.hour, end.minute, end.second) == (0, 0, 0) for end in ends)
    start, end = (moment and f"{moment:%Y-%m-%d}" + ("" if plain else f" {moment:%H:%M}") for moment in ends)
    if start and end:
        return f"{start} to {end}"
    return f"from {start}" if start else f"until {end}" if end else ""


def _moment(value: object) -> datetime | None:
    # An older release may have kept it in another form.
    try:
        return datetime.fromisoformat(str(value)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
