"""Schedules given build times on an account's slots as nobody could do better without knowing them (list scheduling)."""

import heapq
from collections.abc import Iterable, Sequence


def makespan(build_seconds: Iterable[float], slots: int) -> float:
    """Seconds from the first start to the last finish: each report starts, in order, when a slot is free."""
    free_at = [0.0] * slots
    last = 0.0
    for seconds in build_seconds:
        finish = heapq.heappop(free_at) + seconds
        heapq.heappush(free_at, finish)
        last = max(last, finish)
    return last


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed (nearest rank); nan where there is none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]
