"""Checks when a report is asked for."""

import math
from itertools import pairwise
from statistics import fmean

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from landfall.exports.build_times import BuildTimes, Sighting
from landfall.exports.poll_policy import PollPolicy
from landfall.exports.schedule import Schedule, learn, plan, until_next_question
from tests.exports.polling import FALLBACK, bimodal, grade, lognormal, moments, told, typical

BUSY_PRICE = 0.015

seconds = st.floats(0.0, 1e6)
odd_seconds = st.one_of(seconds, st.sampled_from([0.0, 1e-9, 1.0, 1.0, 1e6, -5.0, 1e300, math.inf, math.nan]))
sightings = st.lists(st.builds(Sighting, odd_seconds, odd_seconds), max_size=30)
prices = st.floats(1e-4, 1.0)
draws = st.floats(0.0, 1.0, exclude_max=True)
widths = st.floats(0.0, 1e4)


@st.composite
def distributions(draw: st.DrawFn) -> BuildTimes:
    gaps = draw(st.lists(st.integers(1, 50), min_size=2, max_size=12))
    weights = draw(st.lists(st.integers(0, 9), min_size=len(gaps) - 1, max_size=len(gaps) - 1))
    assume(sum(weights) > 0)
    edges = [float(sum(gaps[: index + 1])) for index in range(len(gaps))]
    return BuildTimes(edges, [sum(weights[:index]) / sum(weights) for index in range(len(gaps))])


@st.composite
def policies(draw: st.DrawFn) -> PollPolicy:
    floor = draw(st.floats(0.0, 100.0))
    return PollPolicy(floor=floor, cap=floor + draw(widths), learned_cap=floor + draw(widths))


def least_cost(times: BuildTimes, price: float) -> float:
    """Of all schedules, by trying each: the expected delay plus what the questions cost."""
    cells, last = times.cells(), len(times.seconds) - 1
    fee = price * sum(cell.seconds for cell in cells)
    cost = [0.0] * (last + 1)
    for now in reversed(range(last)):
        cost[now] = fee * (1.0 - times.shares[now]) + min(
            sum(cell.share * times.seconds[then] - cell.seconds for cell in cells[now:then]) + cost[then]
            for then in range(now + 1, last + 1)
        )
    return cost[0]


def cost_of(schedule: Schedule, times: BuildTimes, price: float) -> float:
    fee, cost, now = price * sum(cell.seconds for cell in times.cells()), 0.0, 0.0
    for then in moments(schedule, times.seconds[-1]):
        cost += fee * sum(cell.share for cell in times.cells() if cell.since >= now)
        cost += sum(cell.share * then - cell.seconds for cell in times.cells() if now <= cell.since < then)
        now = then
    return cost


@settings(deadline=None)
@given(times=distributions(), price=prices)
def test_no_schedule_costs_less(times: BuildTimes, price: float) -> None:
    assert cost_of(plan(times, price=price), times, price) == pytest.approx(least_cost(times, price), rel=1e-6)


@settings(deadline=None)
@given(seen=sightings, price=prices, parts=st.lists(st.floats(0.0, 1.0, exclude_max=True), min_size=2, max_size=8))
def test_within_what_is_known_there_is_a_next_question_and_later_waits_end_no_sooner(
    seen: list[Sighting], price: float, parts: list[float]
) -> None:
    schedule = learn(seen, price=price)
    if schedule is None:
        return
    waits = [part * schedule.waited[-1] for part in sorted(parts)]
    asked = []
    for waited in waits:
        delay = schedule.delay(waited)
        assert delay is not None
        assert 0.0 < delay < math.inf
        asked.append(waited + delay)
    assert all(later >= earlier * (1 - 1e-9) for earlier, later in pairwise(asked))


@settings(deadline=None)
@given(seen=sightings, price=prices, factor=st.floats(1.0, 1e6))
def test_beyond_what_is_known_there_is_no_answer(seen: list[Sighting], price: float, factor: float) -> None:
    schedule = learn(seen, price=price)
    assert schedule is None or schedule.delay(schedule.waited[-1] * factor) is None


@settings(deadline=None)
@given(seen=sightings, waited=seconds, draw=draws, policy=policies())
def test_a_learned_wait_keeps_to_the_floor_and_to_its_own_cap_and_any_other_to_the_policy_s(
    seen: list[Sighting], waited: float, draw: float, policy: PollPolicy
) -> None:
    schedule = learn(seen, price=0.02)
    delay = until_next_question(schedule, waited, draw, policy=policy)
    if schedule is None or schedule.delay(waited) is None:
        assert 0.9 * policy.floor <= delay <= 1.1 * policy.cap
    else:
        assert policy.floor <= delay <= policy.learned_cap


def test_a_report_known_to_take_hours_is_asked_for_after_a_quarter_of_an_hour_not_every_minute() -> None:
    schedule = learn(told([7200.0] * 20), price=0.02)
    assert until_next_question(schedule, 0.0, 0.5, policy=PollPolicy()) == 900.0
    assert until_next_question(None, 7200.0, 0.5, policy=PollPolicy()) == 60.0


@settings(deadline=None)
@given(waited=seconds, draw=draws)
def test_without_a_schedule_the_policy_decides(waited: float, draw: float) -> None:
    assert until_next_question(None, waited, draw, policy=FALLBACK) == FALLBACK.delay(waited, draw)


def test_beyond_the_schedule_the_policy_decides() -> None:
    schedule = learn(told([1.0] * 20), price=0.05)
    assert until_next_question(schedule, 1000.0, 0.5, policy=FALLBACK) == FALLBACK.delay(1000.0, 0.5)


def test_a_floor_wider_than_every_gap_asks_at_the_floor() -> None:
    schedule = learn(told(lognormal(50, 0.5, seed=1)), price=0.001)
    policy = PollPolicy(floor=0.5, cap=60.0)
    assert [until_next_question(schedule, waited, 0.5, policy=policy) for waited in (0.5, 1.0, 1.5)] == [0.5] * 3


@pytest.mark.parametrize("build", [0.0, 0.05, 1.0, 3600.0, 1e6])
@pytest.mark.parametrize("price", [0.05, 0.015])
def test_reports_that_all_take_as_long_cost_a_question_or_two(build: float, price: float) -> None:
    schedule = learn(told([build] * 20), price=price)
    assert len(moments(schedule, max(build, 1e-3))) <= 2


def test_a_hundred_reports_teach_to_find_the_next_with_five_questions() -> None:
    builds = typical(1000, 0.5)
    learned = [grade(learn(told(lognormal(100, 0.5, seed=seed)), price=0.018), builds) for seed in range(60)]
    assert fmean(each.polls for each in learned) <= 5.0
    assert fmean(each.delay for each in learned) <= 0.1


@pytest.mark.parametrize("sigma", [0.2, 0.5, 1.0, None])
def test_after_a_hundred_reports_questions_and_delay_cost_hardly_more_than_with_all_knowledge(
    sigma: float | None,
) -> None:
    def draw(count: int, seed: int) -> list[float]:
        return bimodal(count, seed=seed) if sigma is None else lognormal(count, sigma, seed=seed)

    builds = draw(2000, 1000)
    wise = grade(learn(told(builds), price=BUSY_PRICE), builds)
    learned = [grade(learn(told(draw(100, seed)), price=BUSY_PRICE), builds) for seed in range(10)]
    excess = fmean(each.delay + BUSY_PRICE * each.polls for each in learned)
    assert excess <= 1.15 * (wise.delay + BUSY_PRICE * wise.polls)


@pytest.mark.parametrize("factor", [3.0, 1 / 3])
def test_a_threefold_change_is_followed_within_twenty_reports(factor: float) -> None:
    known = told([*lognormal(150, 0.5, seed=1), *lognormal(20, 0.5, seed=2, mean=factor)])
    after = grade(learn(known, price=BUSY_PRICE), lognormal(1000, 0.5, seed=3, mean=factor))
    assert after.polls <= 7.0
    assert after.delay <= 0.15 * factor


def test_a_schedule_that_sees_only_by_its_own_polls_does_not_drift_later() -> None:
    seen: list[Sighting] = []
    builds = lognormal(200, 0.5, seed=4)
    delays = []
    for build in builds:
        asked = moments(learn(seen, price=BUSY_PRICE), build)
        seen.append(Sighting(asked[-2] if len(asked) > 1 else 0.0, asked[-1]))
        delays.append(asked[-1] - build)
    assert fmean(delays[150:]) <= 0.12


@settings(deadline=None)
@given(st.lists(seconds, min_size=3, max_size=30), st.floats(0.0, 1e7))
def test_polling_comes_to_an_end_with_any_report(build_seconds: list[float], build: float) -> None:
    policy = PollPolicy(floor=1.0, cap=900.0)
    schedule, waited, polls = learn(told(build_seconds), price=0.05), 0.0, 0
    while waited < min(build, 1e4):
        waited += until_next_question(schedule, waited, 0.5, policy=policy)
        polls += 1
    assert polls <= 1e4 + 1
