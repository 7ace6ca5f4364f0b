"""Limits an Intelligems account with a token bucket and says so in headers."""

import math

from sandbox.clock import now


class Bucket:
    """Tokens of one account: ``burst`` at most, ``refill`` back each second."""

    def __init__(self, burst: int, refill: float) -> None:
        """Start full."""
        self._burst, self._refill = burst, refill
        self._level, self._at = float(burst), now()

    def take(self) -> bool:
        """Spend a token, or return False where none is left."""
        moment = now()
        self._level = min(self._burst, self._level + (moment - self._at) * self._refill)
        self._at = moment
        if self._level < 1:
            return False
        self._level -= 1
        return True

    @property
    def wait(self) -> float:
        """Seconds until the next token is there, counted from the last ``take``."""
        return max(0.0, (1 - self._level) / self._refill)

    def headers(self) -> dict[str, str]:
        """Return the vendor's headers; the reset is in milliseconds from now."""
        return {
            "x-ratelimit-limit": str(self._burst),
            "x-ratelimit-remaining": str(int(self._level)),
            "x-ratelimit-reset": str(math.ceil(self.wait * 1000)),
        }
