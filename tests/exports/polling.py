"""Draws build times and grades poll schedules for tests."""

import math
import random
from bisect import bisect_left
from collections.abc import Sequence
from statistics import NormalDist, fmean
from typing import NamedTuple

from landfall.exports.build_times import Sighting
from landfall.exports.poll_policy import PollPolicy
from landfall.exports.schedule import Schedule, until_next_question

FALLBACK = PollPolicy(share=0.25, floor=0.01, cap=1e9, learned_cap=1e9)


class Grade(NamedTuple):
    """Questions a report, and seconds until a finished one is noticed, both as means."""

    polls: float
    delay: float


def lognormal(count: int, sigma: float, *, seed: int, mean: float = 1.0) -> list[float]:
    """So many build times in seconds."""
    chance = random.Random(seed)
    return [mean * chance.lognormvariate(-sigma * sigma / 2, sigma) for _ in range(count)]


def typical(count: int, sigma: float) -> list[float]:
    """So many build times that represent the lognormal law of mean 1 s without chance: its quantiles."""
    law = NormalDist(-sigma * sigma / 2, sigma)
    return [math.exp(law.inv_cdf((index + 0.5) / count)) for index in range(count)]


def bimodal(count: int, *, seed: int) -> list[float]:
    """Build times about 0.4 and about 1.6 seconds."""
    chance = random.Random(seed)
    return [chance.choice((0.4, 1.6)) * chance.lognormvariate(0.0, 0.15) for _ in range(count)]


def told(build_seconds: Sequence[float]) -> list[Sighting]:
    """Sightings of a vendor that says when each report was finished."""
    return [Sighting(each, each) for each in build_seconds]


def moments(schedule: Schedule | None, until: float) -> list[float]:
    """When a report that is not finished before `until` is asked for."""
    asked = [0.0]
    while asked[-1] < until:
        asked.append(asked[-1] + until_next_question(schedule, asked[-1], 0.5, policy=FALLBACK))
    return asked[1:]


def grade(schedule: Schedule | None, builds: Sequence[float]) -> Grade:
    asked = moments(schedule, max(builds))
    places = [bisect_left(asked, build) for build in builds]
    delays = [asked[place] - build for place, build in zip(places, builds, strict=True)]
    return Grade(fmean(places) + 1, fmean(delays))
