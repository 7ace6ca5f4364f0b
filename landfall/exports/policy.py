"""Says how patient each step is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from landfall.exports import backoff
from landfall.exports.states import Step


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a step is tried and how long it waits between tries; `base` and `cap` in seconds."""

    max_attempts: int
    base: float
    cap: float

    def delay(self, attempt: int, draw: float) -> float:
        """Seconds to wait after this many failures in a row."""
        return backoff.exponential(attempt, base=self.base, cap=self.cap, draw=draw)


@dataclass(frozen=True, slots=True)
class PollPolicy:
    """When to ask the vendor again: a share of the time waited, between floor and cap, all in seconds."""

    share: float = 0.25
    floor: float = 1.0
    cap: float = 60.0

    def delay(self, waited: float, draw: float) -> float:
        """Seconds until the next poll of a report that has been building for `waited` seconds."""
        return backoff.proportional(waited, share=self.share, floor=self.floor, cap=self.cap, draw=draw)


def retry_policies(base: float = 1.0) -> Mapping[Step, RetryPolicy]:
    """One policy a step; with a base of 1 s a dozen tries outlast ten minutes of a broken vendor."""
    return MappingProxyType({step: RetryPolicy(max_attempts=12, base=base, cap=120.0 * base) for step in Step})


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that decides when a step is due again and when an export is given up."""

    retries: Mapping[Step, RetryPolicy] = field(default_factory=retry_policies)
    poll: PollPolicy = field(default_factory=PollPolicy)
    deferral_base: float = 0.5
    deferral_cap: float = 60.0
    max_generations: int = 3

    def deferral(self, deferrals: int, draw: float) -> float:
        """Seconds to wait after this many waits in a row that cost no attempt."""
        return backoff.exponential(deferrals, base=self.deferral_base, cap=self.deferral_cap, draw=draw)
