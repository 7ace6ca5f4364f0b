"""Says how patient a poll is while nothing is known of how long reports take."""

from dataclasses import dataclass

from landfall.exports import backoff


@dataclass(frozen=True, slots=True)
class PollPolicy:
    """When to ask the vendor again: a share of the time waited, between floor and cap, all in seconds.

    What has been learned may wait longer, up to `learned_cap`.
    """

    share: float = 0.25
    floor: float = 1.0
    cap: float = 60.0
    learned_cap: float = 900.0

    def delay(self, waited: float, draw: float) -> float:
        """Seconds until the next poll of a report that has been building for `waited` seconds."""
        return backoff.proportional(waited, share=self.share, floor=self.floor, cap=self.cap, draw=draw)
