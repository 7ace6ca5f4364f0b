"""Makes accounts and tells them what their vendor answered, for tests."""

from datetime import datetime, timedelta
from typing import Any

from landfall.exports.job import Fault
from landfall.exports.throttle import Effect, Throttle
from tests.exports.jobs import NOON

FAULT = Fault("vendor_unavailable", "the vendor is down", "Wait.")


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def account(max_started: int = 5, **changes: Any) -> Throttle:
    """An account that nothing has happened to, but for the changes."""
    return Throttle(**{"max_started": max_started, "limit": float(max_started), **changes})


def told(
    throttle: Throttle, *effects: Effect, at: float = 0.0, delay: float | None = None, draw: float = 0.5
) -> Throttle:
    for effect in effects:
        throttle = throttle.after(effect, now=later(at), draw=draw, delay=delay, fault=FAULT)
    return throttle


def opened(at: float = 0.0, **changes: Any) -> Throttle:
    """An account whose breaker has just opened."""
    return told(account(**changes), *[Effect.BROKEN] * 5, at=at)


def probing(throttle: Throttle) -> tuple[Throttle, float]:
    """The account with its one probe under way, and when that began."""
    assert throttle.open_until
    at = (throttle.open_until - NOON).total_seconds()
    return throttle.admitted(1, throttle.open_until), at
