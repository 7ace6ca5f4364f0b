"""Limits how often somebody may ask, with a token bucket for each of them in this process."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_MOST_BUCKETS = 10_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left to somebody: `wait` is in seconds until they may ask again, 0 where they may now."""

    limit: int
    window: int
    remaining: int
    reset: int
    wait: int

    def headers(self) -> dict[str, str]:
        """The fields of the IETF draft (draft-ietf-httpapi-ratelimit-headers-06), and `Retry-After` while it is over."""
        fields = {
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(self.remaining),
            "ratelimit-reset": str(self.reset),
            "ratelimit-policy": f"{self.limit};w={self.window}",
        }
        return fields | ({"retry-after": str(self.wait)} if self.wait else {})


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class RateLimit:
    """So many requests a second, and `burst` at once, for everybody by a name."""

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Give everybody a full bucket."""
        self._rate = per_second
        self._burst = burst
        self._window = math.ceil(burst / per_second)
        self._clock = clock
        # The longest unused one first: whoever is forgotten has a full bucket again, mostly by then anyway.
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, name: str) -> Allowance:
        """Take one token if there is one, and tell what is left."""
        bucket = self._bucket(name)
        wait = self._wait(bucket)
        if not wait:
            bucket.tokens -= 1
        return self._allowance(bucket, wait)

    def look(self, name: str) -> Allowance:
        """Tell what is left, and take nothing."""
        bucket = self._bucket(name)
        return self._allowance(bucket, self._wait(bucket))

    def _bucket(self, name: str) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(self._burst, now)
            if len(self._buckets) > _MOST_BUCKETS:
                self._buckets.popitem(last=False)
            return bucket
        self._buckets.move_to_end(name)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._rate)
        bucket.at = now
        return bucket

    def _wait(self, bucket: _Bucket) -> int:
        return 0 if bucket.tokens >= 1 else max(1, math.ceil((1 - bucket.tokens) / self._rate))

    def _allowance(self, bucket: _Bucket, wait: int) -> Allowance:
        reset = math.ceil((self._burst - bucket.tokens) / self._rate)
        return Allowance(self._burst, self._window, int(bucket.tokens), reset, wait)
