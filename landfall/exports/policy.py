"""Says how patient each step is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from landfall.exports import backoff
from landfall.exports.poll_policy import PollPolicy
from landfall.exports.schedule import Schedule, until_next_question
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


def retry_policies(base: float = 1.0) -> Mapping[Step, RetryPolicy]:
    """One policy a step; with a base of 1 s their waits outlast ten minutes of a broken vendor."""
    return MappingProxyType({step: RetryPolicy(max_attempts=18, base=base, cap=120.0 * base) for step in Step})


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that decides when a step is due again and when an export is given up.

    `starts_repeat` says that asking a vendor twice to start orders one report only, so that a lost answer is harmless;
    elsewhere the slot of a lost start is held for `lost_start_seconds`, or longer where reports usually take longer.
    A step in which `max_crashes` workers died one after the other is what they died of: the export is given up.
    """

    retries: Mapping[Step, RetryPolicy] = field(default_factory=retry_policies)
    poll: PollPolicy = field(default_factory=PollPolicy)
    schedule: Schedule | None = None
    price_busy: float = 0.012
    price_idle: float = 0.03
    deferral_base: float = 0.5
    deferral_cap: float = 60.0
    max_generations: int = 3
    max_crashes: int = 3
    starts_repeat: bool = False
    lost_start_seconds: float = 600.0

    def poll_delay(self, waited: float, draw: float) -> float:
        """Seconds until the next poll of a report that has been building for `waited` seconds."""
        return until_next_question(self.schedule, waited, draw, policy=self.poll)

    def deferral(self, deferrals: int, draw: float) -> float:
        """Seconds to wait after this many waits in a row that cost no attempt."""
        return backoff.exponential(deferrals, base=self.deferral_base, cap=self.deferral_cap, draw=draw)
