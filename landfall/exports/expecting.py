"""Says when something is likely to happen, from how long reports have built so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from landfall.exports.build_times import FEWEST, Sighting

_MOSTLY = 0.9


@dataclass(frozen=True, slots=True)
class Usual:
    """How long reports of a kind build, in seconds: half of them less than `median`, nine of ten less than `mostly`."""

    median: float
    mostly: float
    reports: int


def usual(sightings: Sequence[Sighting]) -> Usual | None:
    """What is usual after these; None where they are too few to tell."""
    if len(sightings) < FEWEST:
        return None
    seconds = sorted((each.building + each.finished) / 2 for each in sightings)
    mostly = seconds[min(len(seconds) - 1, int(_MOSTLY * len(seconds)))]
    return Usual(seconds[len(seconds) // 2], mostly, len(seconds))


def seconds_until_start(place: int, held: Sequence[float], slots: int, build: float) -> float:
    """How long the export at this place of the queue, from 1 on, waits for a slot.

    `held` are the seconds that each slot in use is held for yet, `slots` how many there may be, `build` what each
    export ahead holds one for.
    """
    # Where the vendor throttles below what is under way, the first to end leave no slot.
    ends = sorted(held)[max(0, len(held) - slots) :]
    free = [0.0] * max(0, slots - len(ends)) + ends
    heapify(free)
    start = 0.0
    for _ in range(place):
        start = heappop(free)
        heappush(free, start + build)
    return start
