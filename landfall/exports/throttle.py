"""Decides how an account may be used: its effective limit, its blocks, its circuit breaker, its bucket."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum, auto

from landfall.exports import backoff
from landfall.exports.job import Fault

_LOWER = 0.5
_BLOCK_BASE = 1.0
_BLOCK_CAP = 60.0
_BREAKER_THRESHOLD = 5
_BREAKER_BASE = 5.0
_BREAKER_CAP = 300.0
_REFUSED_BASE = 30.0
# A probe that never comes back (its worker died) gives way to another after this.
_PROBE = timedelta(seconds=60)
_NO_REASON = Fault("vendor_unavailable", "the vendor keeps failing", "Nothing to do: Landfall tries again by itself.")


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """What the settings say of an account: `rate_burst` starts at once, `rate_refill` more each second.

    `freshness` is how old, in seconds, what is stored of a report type may become.
    """

    vendor: str
    max_started: int
    rate_burst: float | None = None
    rate_refill: float = 0.0
    tenant_weights: Mapping[str, float] = field(default_factory=dict)
    freshness: Mapping[str, float] = field(default_factory=dict)


class Effect(StrEnum):
    """What a step's answer says of the account, beside what it says of the export."""

    NONE = auto()
    STARTED = auto()
    ANSWERED = auto()
    SLOTS_FULL = auto()
    RATE_LIMITED = auto()
    BROKEN = auto()
    REFUSED = auto()


@dataclass(frozen=True, slots=True)
class Throttle:
    """How an account may be used now.

    `limit` is the effective number of slots, lowered when the vendor throttles below our own count (somebody else uses
    the account) and raised again by success, additive increase and multiplicative decrease (Chiu and Jain, 1989).
    `strikes` counts throttled answers in a row, `failures` broken ones. While `reason` is set the breaker is open:
    nobody calls until `open_until`, then one probe does, a step of the export `probe`. `tokens` is what the bucket held at `tokens_at`. Since
    `paused_at` an operator, the holder of the key `paused_by`, has nothing started; what has a slot goes on.
    """

    max_started: int
    limit: float
    strikes: int = 0
    blocked_until: datetime | None = None
    failures: int = 0
    open_until: datetime | None = None
    reason: Fault | None = None
    probing: bool = False
    probe: str | None = None
    burst: float | None = None
    refill: float = 0.0
    tokens: float = 0.0
    tokens_at: datetime | None = None
    paused_at: datetime | None = None
    paused_by: str | None = None

    @property
    def slots(self) -> int:
        """Reports that may be in the making at once, for now."""
        return max(1, math.floor(min(self.limit, self.max_started)))

    def closed_until(self, now: datetime) -> datetime | None:
        """When the account may be called again, None if it may be now."""
        gates = [gate for gate in (self.blocked_until, self.open_until) if gate and gate > now]
        return max(gates, default=None)

    def admits(self, used: int, now: datetime) -> int:
        """How many starts may be admitted beside the slots that are used."""
        if self.paused_at or self.closed_until(now):
            return 0
        free = max(0, self.slots - used)
        if self.reason:
            return min(1, free)
        return free if self.burst is None else min(free, max(0, math.floor(self._filled(now))))

    def admitted(self, count: int, now: datetime, by: str | None = None) -> "Throttle":
        """Take what was admitted out of the bucket; a probe, `by` this export, keeps the breaker to itself for a while."""
        if not count:
            return self
        taken = self if self.burst is None else replace(self, tokens=self._filled(now) - count, tokens_at=now)
        return taken.probed(now, by)

    def probed(self, now: datetime, by: str | None = None) -> "Throttle":
        """Let nobody else call while the one probe of an open breaker, `by` this export, is under way."""
        return replace(self, open_until=now + _PROBE, probing=True, probe=by) if self.reason else self

    def relieved(self, of: str, now: datetime) -> "Throttle":
        """Let another be the probe at once, if it was to be this export, whose step is over and told nothing of the vendor."""
        return replace(self, open_until=now, probing=False, probe=None) if self.probing and self.probe == of else self

    def after(
        self, effect: Effect, *, now: datetime, draw: float, delay: float | None = None, fault: Fault | None = None
    ) -> "Throttle":
        """What an answer makes of the account; `delay` is the wait in seconds that the vendor asked for."""
        after = self
        match effect:
            case Effect.NONE:
                pass
            case Effect.STARTED:
                raised = min(float(self.max_started), self.limit + 1 / self.limit)
                after = replace(self._healthy(), limit=raised, strikes=0)
            case Effect.ANSWERED:
                after = self._healthy()
            case Effect.SLOTS_FULL:
                lowered = max(1.0, min(self.limit, self.max_started) * _LOWER)
                after = self._blocked(now, draw, delay, limit=lowered)
            case Effect.RATE_LIMITED:
                after = self._blocked(now, draw, delay, limit=self.limit)
            case Effect.BROKEN:
                after = self._failed(now, draw, fault)
            case Effect.REFUSED:
                after = self._opened(now, draw, fault, base=_REFUSED_BASE)
        return after

    def tokens_left(self, now: datetime) -> float | None:
        """What the bucket holds now; None where the account has none."""
        return None if self.burst is None else self._filled(now)

    def rested(self, seconds: float, *, now: datetime) -> "Throttle":
        """Block before the vendor does: it said that nothing remains until then."""
        return replace(self, blocked_until=_later(self.blocked_until, now + timedelta(seconds=seconds)))

    def _healthy(self) -> "Throttle":
        if not (self.failures or self.reason):
            return self
        return replace(self, failures=0, open_until=None, reason=None, probing=False, probe=None)

    def _blocked(self, now: datetime, draw: float, delay: float | None, *, limit: float) -> "Throttle":
        # An answer to a call that was under way when the block began says nothing new, unless it names a time.
        if self.blocked_until and self.blocked_until > now:
            return self if delay is None else self.rested(delay, now=now)
        # A probe that is throttled was answered all the same.
        answered = self if self.reason and not self.probing else self._healthy()
        strikes = self.strikes + 1
        own = backoff.exponential(strikes, base=_BLOCK_BASE, cap=_BLOCK_CAP, draw=draw)
        until = now + timedelta(seconds=own if delay is None else delay)
        return replace(answered, limit=limit, strikes=strikes, blocked_until=until)

    def _failed(self, now: datetime, draw: float, fault: Fault | None) -> "Throttle":
        if self.failures + 1 < _BREAKER_THRESHOLD and not self.reason:
            return replace(self, failures=self.failures + 1)
        return self._opened(now, draw, fault, base=_BREAKER_BASE)

    def _opened(self, now: datetime, draw: float, fault: Fault | None, *, base: float) -> "Throttle":
        # An answer to a call that was under way when the breaker opened says nothing new.
        if self.reason and not self.probing:
            return self
        failures = max(_BREAKER_THRESHOLD, self.failures + 1)
        seconds = backoff.exponential(failures - _BREAKER_THRESHOLD + 1, base=base, cap=_BREAKER_CAP, draw=draw)
        until = now + timedelta(seconds=seconds)
        reason = fault or _NO_REASON
        return replace(self, failures=failures, open_until=until, reason=reason, probing=False, probe=None)

    def _filled(self, now: datetime) -> float:
        since = (now - self.tokens_at).total_seconds() if self.tokens_at else math.inf
        return min(self.burst or 0.0, self.tokens + since * self.refill)


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)
