"""Places moments between two ends, and finds the marks of a scale that people can read."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.pages.words import duration

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_STEPS = (
    *(factor * unit for unit in (0.001, 0.01, 0.1, 1) for factor in (1, 2, 5)),
    *(10, 15, 30),
    *(factor * _MINUTE for factor in (1, 2, 5, 10, 15, 30)),
    *(factor * _HOUR for factor in (1, 2, 3, 6, 12)),
    *(factor * _DAY for factor in (1, 2, 5, 10, 20, 50)),
)
_MOST_MARKS = 5
_LEAST = timedelta(milliseconds=1)
# A label in the middle of a mark beyond this would leave the picture.
_NEAR_THE_END = 93.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark of the scale: its place in per cent, its label, and which end of the label stands there."""

    place: float
    label: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Axis:
    """The time between two moments, from 0 to 100."""

    begin: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """From one end to the other, never nothing."""
        return max(self.end - self.begin, _LEAST)

    def place(self, moment: datetime) -> float:
        """Where a moment stands, in per cent; what lies outside stands at the end that is nearer."""
        return round(min(100.0, max(0.0, 100 * ((moment - self.begin) / self.length))), 2)

    def marks(self) -> Iterator[Mark]:
        """A few marks at round distances from the beginning."""
        seconds = self.length.total_seconds()
        step = next((step for step in _STEPS if seconds / step <= _MOST_MARKS), math.ceil(seconds / _MOST_MARKS))
        for number in range(int(seconds / step + 1e-9) + 1):
            place = round(100 * number * step / seconds, 2)
            anchor = "start" if not number else "end" if place > _NEAR_THE_END else "middle"
            yield Mark(place, duration(number * step) if number else "0", anchor)
