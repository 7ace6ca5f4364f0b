"""Estimates how long the next report will build from those that are finished."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple

from landfall.exports.level import level_since

FEWEST = 3
"""From so many sightings on, learning costs no more than proportional backoff: see benchmarks/poll_policies.py."""

HALF_LIFE = 100
"""A sighting counts half as much as one that is so many reports younger."""

SHORTEST, LONGEST = 1e-3, 1e9
"""The build times told apart, in seconds; whatever lies outside is taken for the nearer of the two."""

# Three boxes of this many cells, one upon the other, are a kernel close to the normal one, at the cost of three sums.
_BOX = 11
_KERNEL_ENDS = 3 * (_BOX // 2)
_KERNEL_PEAK = 0.75 / _BOX
_CELLS_A_BANDWIDTH = math.sqrt((_BOX**2 - 1) / 4)

_NARROWINGS = (1.0, 0.5, 0.25)
_NARROWEST = 0.02
_MOST_CELLS = 600
_REACH = 3.0
_BEYOND = math.log(2.0)
_UNLIKELY = 1e-3
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


class Sighting(NamedTuple):
    """What is known of a finished report: it was still building after so many seconds, and finished after so many.

    The two are equal where the vendor says when it finished. Never put down the second for both: a schedule learned
    from its own questions then drifts to ever later ones.
    """

    building: float
    finished: float


class Cell(NamedTuple):
    """A share of the reports that finishes between two moments, in seconds."""

    since: float
    until: float
    share: float

    @property
    def seconds(self) -> float:
        """What this cell adds to the mean build time."""
        return self.share * (self.since + self.until) / 2


@dataclass(frozen=True, slots=True)
class BuildTimes:
    """A distribution of build times: the share `shares[i]` of all reports is finished after `seconds[i]`."""

    seconds: Sequence[float]
    shares: Sequence[float]

    def cells(self) -> list[Cell]:
        """The distribution in pieces."""
        spans = zip(pairwise(self.seconds), pairwise(self.shares), strict=True)
        return [Cell(since, until, after - before) for (since, until), (before, after) in spans]


@dataclass(frozen=True, slots=True)
class _Fit:
    """A density over cells of equal width in the logarithm of time, from `origin` on."""

    likelihood: float
    origin: float
    width: float
    density: list[float]


def estimate(sightings: Sequence[Sighting]) -> BuildTimes | None:
    """The distribution behind these sightings, oldest first; None where there are too few to tell.

    A kernel estimate in the logarithm of time; of several bandwidths the one under which each sighting is likeliest,
    judged by the others (B. W. Silverman, "Density Estimation", 1986, sections 3.4.2 and 3.4.4). Sightings from before
    a change of level are left out, and so is what is no finite number.
    """
    logs = _logarithms(sightings)
    logs = logs[level_since(logs) :]
    if len(logs) < FEWEST:
        return None
    return _smoothed(_within_reach(logs), _weights(len(logs)))


def _logarithms(sightings: Sequence[Sighting]) -> list[float]:
    """One moment a sighting, spread evenly over what is possible: multiples of the golden ratio leave no gaps."""
    moments = [
        building + (finished - building) * (index * _GOLDEN % 1.0)
        for index, (building, finished) in enumerate(sightings)
    ]
    return [math.log(min(LONGEST, max(SHORTEST, moment))) for moment in moments if math.isfinite(moment)]


def _within_reach(logs: list[float]) -> list[float]:
    """The same without outliers: one report that took a week must not stretch the grid nor the mean."""
    ordered = sorted(logs)
    lowest, highest = ordered[len(logs) // 4] - _REACH, ordered[len(logs) * 3 // 4] + _REACH
    return [min(highest, max(lowest, each)) for each in logs]


def _weights(size: int) -> list[float]:
    raw = [0.5 ** (age / HALF_LIFE) for age in reversed(range(size))]
    total = sum(raw)
    return [each / total for each in raw]


def _smoothed(logs: list[float], weights: list[float]) -> BuildTimes:
    centre = sum(weight * each for each, weight in zip(logs, weights, strict=True))
    spread = math.sqrt(sum(weight * (each - centre) ** 2 for each, weight in zip(logs, weights, strict=True)))
    effective_size = 1.0 / sum(weight * weight for weight in weights)
    rule_of_thumb = 0.9 * spread * effective_size**-0.2
    coarsest = (max(logs) - min(logs) + _BEYOND) / _MOST_CELLS
    widths = {
        max(coarsest, max(_NARROWEST, rule_of_thumb * narrowing) / _CELLS_A_BANDWIDTH) for narrowing in _NARROWINGS
    }
    fits = [_fit(logs, weights, width) for width in sorted(widths)]
    return _with_unknown(max(fits, key=lambda fit: fit.likelihood), 1.0 / (effective_size + 2.0))


def _fit(logs: list[float], weights: list[float], width: float) -> _Fit:
    origin = min(logs) - (_KERNEL_ENDS + 0.5) * width
    places = [int((each - origin) / width) for each in logs]
    density = [0.0] * (max(places) + _KERNEL_ENDS + 1)
    for place, weight in zip(places, weights, strict=True):
        density[place] += weight
    density = _boxed(_boxed(_boxed(density)))
    likelihood = sum(
        weight * math.log(max(_UNLIKELY, (density[place] - _KERNEL_PEAK * weight) / width))
        for place, weight in zip(places, weights, strict=True)
    )
    return _Fit(likelihood, origin, width, density)


def _boxed(values: list[float]) -> list[float]:
    """The running mean over a box; the values at both ends are zero."""
    half = _BOX // 2
    sums = [*[0.0] * (half + 1), *accumulate(values)]
    sums += [sums[-1]] * half
    return [(late - early) / _BOX for early, late in zip(sums, sums[_BOX:], strict=False)]


def _with_unknown(fit: _Fit, unknown: float) -> BuildTimes:
    """The fit, and the share that no sighting speaks for, evenly over it and some way beyond."""
    cells = len(fit.density) + math.ceil(_BEYOND / fit.width)
    known = [*fit.density, *[0.0] * (cells - len(fit.density))]
    shares = list(accumulate(max(0.0, each) * (1.0 - unknown) + unknown / cells for each in known))
    seconds = [math.exp(fit.origin + fit.width * edge) for edge in range(cells + 1)]
    return BuildTimes(seconds, [0.0, *(min(1.0, share / shares[-1]) for share in shares)])
