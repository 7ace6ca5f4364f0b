"""Checks what is learned from finished reports."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landfall.exports.build_times import FEWEST, BuildTimes, Sighting, estimate
from tests.exports.polling import bimodal, lognormal, told

anything = st.floats(allow_nan=True, allow_infinity=True)
sightings = st.lists(st.builds(Sighting, anything, anything), max_size=40)


def share_between(times: BuildTimes, since: float, until: float) -> float:
    return sum(cell.share for cell in times.cells() if since <= cell.since and cell.until <= until)


@settings(deadline=None)
@given(sightings)
def test_whatever_was_sighted_makes_a_distribution_or_none(seen: list[Sighting]) -> None:
    times = estimate(seen)
    if times is None:
        return
    assert (times.shares[0], times.shares[-1]) == (0.0, 1.0)
    assert all(earlier <= later for earlier, later in pairwise(times.shares))
    assert times.seconds[0] > 0.0
    assert all(earlier < later < math.inf for earlier, later in pairwise(times.seconds))


@pytest.mark.parametrize("count", range(FEWEST))
def test_too_few_sightings_tell_nothing(count: int) -> None:
    assert estimate(told([1.0] * count)) is None


def test_no_number_is_no_sighting() -> None:
    assert estimate(told([math.nan, math.inf, 1.0, 1.0])) is None


def test_most_of_what_was_learned_lies_where_the_reports_finished() -> None:
    times = estimate(told(lognormal(200, 0.5, seed=1)))
    assert times is not None
    assert share_between(times, 0.33, 2.4) == pytest.approx(0.95, abs=0.05)
    assert sum(cell.seconds for cell in times.cells()) == pytest.approx(1.0, rel=0.15)


def test_two_kinds_of_report_are_not_smoothed_into_one() -> None:
    times = estimate(told(bimodal(50, seed=1)))
    assert times is not None
    assert share_between(times, 0.65, 0.95) < 0.05


def test_one_report_that_took_weeks_moves_neither_the_rest_nor_much_of_the_mean() -> None:
    times = estimate(told([*lognormal(40, 0.3, seed=1), 1e6]))
    assert times is not None
    assert share_between(times, 0.4, 2.5) > 0.9
    assert sum(cell.seconds for cell in times.cells()) < 2.5


def test_recent_reports_weigh_more_than_old_ones() -> None:
    slowing = [1.0 + index / 200 for index in range(200)]
    rising, falling = estimate(told(slowing)), estimate(told(slowing[::-1]))
    assert rising is not None
    assert falling is not None
    assert sum(cell.seconds for cell in rising.cells()) > sum(cell.seconds for cell in falling.cells())


def test_a_report_seen_only_by_its_polls_may_have_finished_at_any_moment_between() -> None:
    times = estimate([Sighting(1.0, 2.0)] * 50)
    assert times is not None
    quarters = [share_between(times, 1.0 + quarter / 4, 1.25 + quarter / 4) for quarter in range(4)]
    assert all(0.1 < share < 0.4 for share in quarters)


def test_a_distribution_is_never_finer_than_needed() -> None:
    times = estimate(told([1e-3, 1e9, *lognormal(100, 0.01, seed=1), *lognormal(100, 0.01, seed=2, mean=1e5)]))
    assert times is not None
    assert len(times.seconds) < 1000
