"""Plans when to ask for a report, so that few questions are asked and a finished one is noticed soon."""

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from landfall.exports.build_times import BuildTimes, Sighting, estimate
from landfall.exports.poll_policy import PollPolicy


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to ask next: a report still building after `waited[i]` is asked for at `asked[i]`; both in seconds, rising."""

    waited: Sequence[float]
    asked: Sequence[float]

    def delay(self, waited: float) -> float | None:
        """Seconds until the next question, or None where the report builds longer than any known one."""
        place = bisect_right(self.waited, waited)
        if place == len(self.waited):
            return None
        if place == 0:
            return self.asked[0] - waited
        before, after = self.waited[place - 1], self.waited[place]
        early, late = self.asked[place - 1], self.asked[place]
        return early - waited + (late - early) * (waited - before) / (after - before)


def learn(sightings: Sequence[Sighting], *, price: float) -> Schedule | None:
    """The best schedule for what these reports, oldest first, tell of the next; None while there are too few.

    `price`, above zero, is how much sooner, in mean build times, one more question must bring the news to be worth it.
    """
    times = estimate(sightings)
    return None if times is None else plan(times, price=price)


def plan(times: BuildTimes, *, price: float) -> Schedule:
    """The schedule of least expected delay plus price times questions, the price in mean build times.

    From the end backwards, the least cost at a moment is a minimum over the moments of the next question, each a
    straight line in the share finished by now: the lower envelope of lines gives all of them in linear time.
    """
    seconds, shares = times.seconds, times.shares
    finished = [0.0, *accumulate(cell.seconds for cell in times.cells())]
    fee = price * finished[-1]
    asked = [seconds[-1]] * len(seconds)
    choices: deque[_Choice] = deque()
    cost = 0.0
    for now in reversed(range(len(seconds) - 1)):
        then = now + 1
        _offer(choices, _Choice(seconds[then], seconds[then] * shares[then] - finished[then] + cost))
        best = _cheapest(choices, shares[now])
        asked[now] = best.then
        cost = best.cost(shares[now]) + finished[now] + fee * (1.0 - shares[now])
    return Schedule(seconds, asked)


class _Choice(NamedTuple):
    """To ask next `then`; what it costs from now on is a straight line in the share finished by now."""

    then: float
    height: float

    def cost(self, share: float) -> float:
        return self.height - self.then * share

    def cheaper_below(self, later: "_Choice") -> float:
        """The share below which this choice is cheaper than a later one."""
        return (later.height - self.height) / (later.then - self.then)


def _offer(choices: deque[_Choice], sooner: _Choice) -> None:
    """Adds a choice sooner than all others, and drops those that it leaves best nowhere."""
    while len(choices) > 1 and sooner.cheaper_below(choices[-1]) >= choices[-1].cheaper_below(choices[-2]):
        choices.pop()
    choices.append(sooner)


def _cheapest(choices: deque[_Choice], share: float) -> _Choice:
    """The best choice at this share; those best only at a greater share are dropped, as it never grows again."""
    while len(choices) > 1 and choices[1].cost(share) <= choices[0].cost(share):
        choices.popleft()
    return choices[0]


def until_next_question(schedule: Schedule | None, waited: float, draw: float, *, policy: PollPolicy) -> float:
    """Seconds until the next question about a report that has been building for `waited` seconds.

    As the schedule says, within the policy's floor and its cap for what is learned; as the policy alone says where the schedule knows nothing.
    """
    learned = schedule.delay(waited) if schedule else None
    if learned is None:
        return policy.delay(waited, draw)
    return min(policy.learned_cap, max(policy.floor, learned))
