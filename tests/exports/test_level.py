"""Checks that a change of level is noticed, and nothing else."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.exports.level import FEWEST, level_since
from tests.exports.polling import bimodal, lognormal


@pytest.mark.parametrize("factor", [3.0, 1 / 3])
@pytest.mark.parametrize("sigma", [0.2, 0.5])
def test_a_threefold_change_is_noticed_within_a_dozen_reports(factor: float, sigma: float) -> None:
    for seed in range(20):
        before, after = lognormal(150, sigma, seed=seed), lognormal(12, sigma, seed=100 + seed, mean=factor)
        assert abs(level_since([*before, *after]) - 150) <= 8


def test_a_threefold_change_of_wild_build_times_is_noticed_within_thirty_reports() -> None:
    noticed = [
        level_since([*lognormal(150, 1.0, seed=seed), *lognormal(30, 1.0, seed=100 + seed, mean=3.0)]) > 0
        for seed in range(50)
    ]
    assert sum(noticed) >= 45


def test_a_level_that_holds_is_hardly_ever_taken_for_a_change() -> None:
    alarms = [level_since(lognormal(200, 0.5, seed=seed)) > 0 for seed in range(200)]
    assert sum(alarms) <= 6


def test_two_kinds_of_report_in_turns_are_no_change() -> None:
    assert sum(level_since(bimodal(200, seed=seed)) > 0 for seed in range(50)) <= 2


@given(value=st.floats(allow_nan=False), size=st.integers(0, 300))
def test_equal_values_show_no_change(value: float, size: int) -> None:
    assert level_since([value] * size) == 0


@given(st.lists(st.floats(allow_nan=False), max_size=60))
def test_a_level_is_made_of_several_values(values: list[float]) -> None:
    since = level_since(values)
    assert since == 0 or FEWEST <= since <= len(values) - FEWEST


@given(st.lists(st.floats(1e-3, 1e9), max_size=60))
def test_only_the_order_of_size_counts(values: list[float]) -> None:
    assert level_since(values) == level_since([math.copysign(2.0, -1.0) + 4.0 * each for each in values])
