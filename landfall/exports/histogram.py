"""Keeps how often steps took how long, in ranges that grow by a fifth, so that sums of many can be asked for percentiles."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# The middle of a range is at most a tenth away from what lies in it; a millisecond and less is one range.
_GROWTH = 1.2
_LEAST_SECONDS = 0.001


@dataclass(slots=True)
class Histogram:
    """Durations in seconds: `ranges` tells how many lie in each range, by its number."""

    runs: int = 0
    seconds: float = 0.0
    longest: float = 0.0
    ranges: dict[int, int] = field(default_factory=dict)

    def add(self, seconds: float) -> None:
        """Count one more; less than nothing, as a clock that was set back tells, counts as nothing."""
        took = max(0.0, seconds)
        number = _range_of(took)
        self.runs += 1
        self.seconds += took
        self.longest = max(self.longest, took)
        self.ranges[number] = self.ranges.get(number, 0) + 1

    def merge(self, other: "Histogram") -> None:
        """Count all that the other one has counted."""
        self.runs += other.runs
        self.seconds += other.seconds
        self.longest = max(self.longest, other.longest)
        for number, count in other.ranges.items():
            self.ranges[number] = self.ranges.get(number, 0) + count

    def percentile(self, part: float) -> float:
        """What this part of the runs did not exceed, within a tenth; 0 where there are none."""
        rank = max(1, math.ceil(part * self.runs))
        passed = 0
        for number in sorted(self.ranges):
            passed += self.ranges[number]
            if passed >= rank:
                return min(_middle(number), self.longest)
        return 0.0

    @property
    def mean(self) -> float:
        """The mean of all; 0 where there are none."""
        return self.seconds / self.runs if self.runs else 0.0


def as_pairs(ranges: Mapping[int, int]) -> list[list[int]]:
    """The ranges as JSON can hold them."""
    return [[number, ranges[number]] for number in sorted(ranges)]


def from_pairs(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """The ranges that JSON held."""
    return dict(pairs)


def _range_of(seconds: float) -> int:
    return 0 if seconds <= _LEAST_SECONDS else math.ceil(math.log(seconds / _LEAST_SECONDS, _GROWTH))


def _middle(number: int) -> float:
    """Between the ends of a range, as far from the one as from the other by ratio."""
    return float(_LEAST_SECONDS * _GROWTH ** (number - 0.5)) if number else _LEAST_SECONDS
