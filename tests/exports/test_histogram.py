"""Promises of histograms: sums of many give percentiles that are within a tenth."""

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from landfall.exports.histogram import Histogram, as_pairs, from_pairs

_durations = st.lists(st.floats(min_value=0.0, max_value=1e6, allow_nan=False), min_size=1, max_size=60)


def of(durations: list[float]) -> Histogram:
    histogram = Histogram()
    for seconds in durations:
        histogram.add(seconds)
    return histogram


@given(_durations, st.sampled_from([0.01, 0.5, 0.95, 1.0]))
def test_a_percentile_is_within_a_tenth_of_the_true_one(durations: list[float], part: float) -> None:
    true = sorted(durations)[max(1, math.ceil(part * len(durations))) - 1]
    found = of(durations).percentile(part)
    # What takes no more than a millisecond is one range.
    assert abs(found - true) <= max(0.1 * true, 0.001)


@given(_durations, _durations)
def test_two_that_are_merged_are_as_one_that_counted_all(first: list[float], second: list[float]) -> None:
    merged, whole = of(first), of(first + second)
    merged.merge(of(second))
    assert (merged.runs, merged.longest, merged.ranges) == (whole.runs, whole.longest, whole.ranges)
    assert math.isclose(merged.seconds, whole.seconds, rel_tol=1e-9, abs_tol=1e-9)


@given(_durations)
def test_the_ranges_come_back_from_json(durations: list[float]) -> None:
    histogram = of(durations)
    assert from_pairs(json.loads(json.dumps(as_pairs(histogram.ranges)))) == histogram.ranges


def test_one_that_counted_nothing_has_zeros() -> None:
    assert (Histogram().percentile(0.95), Histogram().mean) == (0.0, 0.0)


def test_a_clock_that_was_set_back_counts_as_no_time() -> None:
    histogram = of([-5.0])
    assert (histogram.runs, histogram.seconds, histogram.percentile(0.5)) == (1, 0.0, 0.0)
