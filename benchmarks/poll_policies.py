"""Compares ways to decide when to ask again: questions against how long a finished report goes unnoticed.

Pure arithmetic, seeded, no network: `python -m benchmarks.poll_policies`. Every law of build times has the mean 1, so
delays are shares of the mean build time. The bound is optimal stopping on the law itself, which no policy can know.
"Told" is a vendor that says when a report was finished, "seen" one where only the questions show it.
"""

import argparse
import math
import random
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist, fmean

from landfall.exports.build_times import BuildTimes, Sighting
from landfall.exports.poll_policy import PollPolicy
from landfall.exports.schedule import Schedule, learn, plan, until_next_question

PRICES = (0.3, 0.2, 0.15, 0.1, 0.07, 0.05, 0.035, 0.025, 0.018, 0.012, 0.008, 0.005, 0.003, 0.002, 0.001)
KNOWN_BOUNDS = "as noted before: sigma 0.25: 7.6 5.5 3.6 2.7; sigma 0.5: 13.5 9.7 6.3 4.7; sigma 1: 20 14 9 7"
FALLBACK = PollPolicy(share=0.25, floor=0.02, cap=math.inf)
MIDDLE_DRAW = 0.5
LIFE = 20
WINDOW = 200
STANDARD_DEVIATIONS = 5.0
SOONEST = 1e-3

Delay = Callable[[float], float]
"""Seconds until the next question, by the seconds waited."""


@dataclass(frozen=True)
class Law:
    """How long reports build: a mixture of lognormal parts, each with its share, mean and sigma."""

    name: str
    parts: tuple[tuple[float, float, float], ...]

    def draw(self, chance: random.Random) -> float:
        """A build time in seconds."""
        _, mean, sigma = chance.choices(self.parts, [part[0] for part in self.parts])[0]
        return mean * chance.lognormvariate(-sigma * sigma / 2, sigma)

    def finished(self, seconds: float) -> float:
        """The share of the reports that is finished by then."""
        return sum(
            share * NormalDist(math.log(mean) - sigma * sigma / 2, sigma).cdf(math.log(seconds))
            for share, mean, sigma in self.parts
        )

    def exactly(self, cells: int = 2000) -> BuildTimes:
        """The law itself, on a fine grid."""
        middles = [(math.log(mean) - sigma * sigma / 2, sigma) for _, mean, sigma in self.parts]
        low = min(middle - STANDARD_DEVIATIONS * sigma for middle, sigma in middles)
        high = max(middle + STANDARD_DEVIATIONS * sigma for middle, sigma in middles)
        seconds = [math.exp(low + (high - low) * edge / cells) for edge in range(cells + 1)]
        return BuildTimes(seconds, [0.0, *map(self.finished, seconds[1:-1]), 1.0])

    def sample(self, size: int = 1000) -> list[float]:
        """So many build times that represent the law: its quantiles."""
        times = self.exactly()
        places = [bisect_left(times.shares, (index + 0.5) / size) for index in range(size)]
        return [(times.seconds[place - 1] + times.seconds[place]) / 2 for place in places]


def lognormal(sigma: float) -> Law:
    """One kind of report."""
    return Law(f"lognormal sigma {sigma}", ((1.0, 1.0, sigma),))


LAWS = (
    lognormal(0.2),
    lognormal(0.25),
    lognormal(0.5),
    lognormal(1.0),
    Law("bimodal 0.4 / 1.6, sigma 0.15", ((0.5, 0.4, 0.15), (0.5, 1.6, 0.15))),
    Law("bimodal 0.25 / 1.75, sigma 0.1", ((0.5, 0.25, 0.1), (0.5, 1.75, 0.1))),
    Law("one in ten takes eight times as long", ((0.9, 0.6, 0.2), (0.1, 4.6, 0.2))),
)


@dataclass(frozen=True)
class Grade:
    """Questions an export, and how long a finished report goes unnoticed: the mean, and what 95 % stay below."""

    polls: float
    delay: float
    p95: float

    def __str__(self) -> str:
        return f"{self.polls:6.2f} {100 * self.delay:7.1f} % {100 * self.p95:7.1f} %"


def graded(notices: Iterable[tuple[int, float]]) -> Grade:
    """The grade of some exports, each with its questions and its delay."""
    polls, delays = zip(*notices, strict=True)
    return Grade(fmean(polls), fmean(delays), sorted(delays)[len(delays) * 95 // 100])


def averaged(grades: Sequence[Grade]) -> Grade:
    """The mean of several grades."""
    return Grade(
        fmean(grade.polls for grade in grades),
        fmean(grade.delay for grade in grades),
        fmean(grade.p95 for grade in grades),
    )


def asked(delay: Delay) -> Iterator[float]:
    """The moments at which a policy asks."""
    moment = 0.0
    while True:
        moment += max(SOONEST, delay(moment))
        yield moment


def grade(delay: Delay, builds: Sequence[float]) -> Grade:
    """What a policy that learns nothing more makes of these build times."""
    moments: list[float] = []
    for moment in asked(delay):
        moments.append(moment)
        if moment >= max(builds):
            break
    places = [bisect_left(moments, build) for build in builds]
    return graded((place + 1, moments[place] - build) for place, build in zip(places, builds, strict=True))


def by(schedule: Schedule | None) -> Delay:
    """The learned policy, with the fallback of the product."""
    return lambda waited: until_next_question(schedule, waited, MIDDLE_DRAW, policy=FALLBACK)


def fixed(interval: float) -> Delay:
    """The same interval always, in units of the mean: it knows the mean."""
    return lambda _: interval


def exponential(start: float) -> Delay:
    """Twice as long as before, each time, from a start in units of the mean: it knows the mean."""
    return lambda waited: start + waited


def proportional(floor: float) -> Delay:
    """A quarter of the time waited, above a floor in units of the mean: it knows the mean."""
    return lambda waited: max(floor, FALLBACK.share * waited)


def tuned(policy: Callable[[float], Delay], polls: float, builds: Sequence[float]) -> Grade:
    """The grade of a policy whose one number is such that it asks about so often."""
    least, most = 1e-2, 1e1
    for _ in range(30):
        number = math.sqrt(least * most)
        least, most = (number, most) if grade(policy(number), builds).polls > polls else (least, number)
    return grade(policy(most), builds)


@dataclass(frozen=True)
class Bound:
    """The least delay at any number of questions, as the grades of the best schedules, fewest questions first."""

    grades: list[Grade]

    @classmethod
    def of(cls, law: Law, builds: Sequence[float]) -> "Bound":
        """The bound of a law."""
        times = law.exactly()
        return cls([grade(by(plan(times, price=price)), builds) for price in PRICES])

    def delay(self, polls: float) -> float:
        """The least mean delay at so many questions an export; NaN outside what was computed."""
        for few, many in pairwise(self.grades):
            if few.polls <= polls <= many.polls:
                part = math.log(polls / few.polls) / math.log(many.polls / few.polls)
                return math.exp((1 - part) * math.log(few.delay) + part * math.log(many.delay))
        return math.nan


def warm(law: Law, samples: int, price: float, *, seed: int, runs: int) -> Grade:
    """The learned policy after so many reports whose build times are known."""
    chance, builds = random.Random(f"{seed} {law.name} {samples}"), law.sample()  # noqa: S311 - a seeded simulation
    grades = []
    for _ in range(runs):
        known = [Sighting(build, build) for build in (law.draw(chance) for _ in range(samples))]
        grades.append(grade(by(learn(known, price=price)), builds))
    return averaged(grades)


def lived(builds: Iterable[float], price: float, *, told: bool) -> list[tuple[int, float]]:
    """The learned policy from nothing on, one report after another; `told` when the vendor says when it finished."""
    sightings: list[Sighting] = []
    notices = []
    for build in builds:
        delay = by(learn(sightings[-WINDOW:], price=price))
        building, polls = 0.0, 0
        for polls, finished in enumerate(asked(delay), start=1):  # noqa: B007 - what the last question found
            if finished >= build:
                break
            building = finished
        sightings.append(Sighting(build, build) if told else Sighting(building, finished))
        notices.append((polls, finished - build))
    return notices


def row(name: str, result: Grade, bound: Bound) -> None:
    """Prints a line of the first table."""
    say(f"  {name:44} {result} {result.delay / bound.delay(result.polls):7.2f}")


def say(line: str = "") -> None:
    """Prints a line."""
    sys.stdout.write(f"{line}\n")


def compare(law: Law, price: float, seed: int, runs: int) -> None:
    """Prints what every policy makes of a law."""
    chance, builds = random.Random(seed), law.sample()  # noqa: S311 - a seeded simulation
    bound, best = Bound.of(law, builds), grade(by(plan(law.exactly(), price=price)), builds)
    say(f"{law.name:46} {'polls':>6} {'delay':>9} {'p95':>9} {'x bound':>7}")
    row("bound", best, bound)
    for samples in (100, 20, 10, 5, 3):
        row(f"learned from {samples}", warm(law, samples, price, seed=seed, runs=runs), bound)
    lives = [[law.draw(chance) for _ in range(WINDOW)] for _ in range(max(1, runs // LIFE))]
    for told, how in ((True, "told"), (False, "seen")):
        notices = [lived(life, price, told=told) for life in lives]
        for first, last in ((1, 20), (101, WINDOW), (1, WINDOW)):
            result = averaged([graded(each[first - 1 : last]) for each in notices])
            row(f"learned from nothing, {first} to {last}, {how}", result, bound)
    for policy in (fixed, proportional, exponential):
        row(f"{policy.__name__}, as many polls as the bound", tuned(policy, best.polls, builds), bound)
    row("fallback: proportional, knows no mean", grade(by(None), builds), bound)
    say()


def bounds() -> None:
    """Prints the bound itself."""
    say(f"Bound: mean delay in % at 3 / 4 / 6 / 8 polls ({KNOWN_BOUNDS})")
    for law in LAWS:
        bound = Bound.of(law, law.sample())
        say(f"  {law.name:44} " + " ".join(f"{100 * bound.delay(polls):6.1f}" for polls in (3, 4, 6, 8)))
    say()


def prices(seed: int, runs: int) -> None:
    """Prints what a price buys, after 100 reports."""
    law = lognormal(0.5)
    say(f"Price, lognormal sigma 0.5, learned from 100 {'polls':>6} {'delay':>9} {'p95':>9}")
    for price in (0.1, 0.07, 0.05, 0.035, 0.025, 0.018, 0.015, 0.012, 0.009, 0.006, 0.004):
        say(f"  {price:<44} {warm(law, 100, price, seed=seed, runs=runs)}")
    say()


def drift(price: float, seed: int, runs: int) -> None:
    """Prints how the learned policy follows a law that changes; delays in the mean of the moment."""
    changes: dict[str, Callable[[int], float]] = {
        "three times as long from the 101st on": lambda index: 1.0 if index < 100 else 3.0,  # noqa: PLR2004 - as it says
        "a third as long from the 101st on": lambda index: 1.0 if index < 100 else 1 / 3,  # noqa: PLR2004 - as it says
        "1 % longer each time": lambda index: 1.01**index,
    }
    law, chance = lognormal(0.5), random.Random(seed)  # noqa: S311 - a seeded simulation
    for name, scale in changes.items():
        say(f"Drift, lognormal sigma 0.5, {name}, learned from nothing, seen")
        say(f"  {'exports':44} {'polls':>6} {'delay':>9} {'p95':>9}")
        lives = [
            lived((scale(i) * law.draw(chance) for i in range(WINDOW)), price, told=False)
            for _ in range(max(1, runs // LIFE))
        ]
        for first, last in ((60, 100), (100, 110), (110, 120), (120, 130), (130, 150), (150, 200)):
            notices = [(polls, delay / scale(first)) for life in lives for polls, delay in life[first:last]]
            say(f"  {f'{first + 1} to {last}':44} {graded(notices)}")
        say()


def main() -> None:
    """Prints every table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--price", type=float, default=0.018, help="of a question, in mean build times (0.018)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--runs",
        type=int,
        default=200,
        help="warm starts that are averaged (200); one cold run of 200 to twenty of them",
    )
    chosen = parser.parse_args()
    bounds()
    prices(chosen.seed, chosen.runs)
    for law in LAWS:
        compare(law, chosen.price, chosen.seed, chosen.runs)
    drift(chosen.price, chosen.seed, chosen.runs)


if __name__ == "__main__":
    main()
