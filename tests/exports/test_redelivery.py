"""Promises of when news is sent again."""

from landfall.exports.redelivery import DELAYS, wait_after

DAY = 24 * 3600.0


def test_all_tries_lie_within_a_day_and_the_last_one_near_its_end() -> None:
    assert DAY - 2 * 3600 < sum(DELAYS) <= DAY
    assert wait_after(len(DELAYS), draw=0.0) == DELAYS[-1]
    assert wait_after(len(DELAYS) + 1, draw=0.0) is None


def test_waits_grow_and_what_failed_together_spreads() -> None:
    assert [wait_after(number, draw=0.0) for number in range(1, 7)] == [5, 30, 120, 600, 1800, 3600]
    assert wait_after(1, draw=0.5) == 5.5


def test_a_receiver_is_never_asked_before_the_time_it_named() -> None:
    assert wait_after(1, draw=0.9, asked=1800.0) == 1800.0
    assert wait_after(6, draw=0.0, asked=60.0) == 3600.0
