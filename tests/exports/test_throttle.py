"""Checks how an account may be used after what its vendor answered."""

from collections.abc import Iterable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.exports.job import Fault
from landfall.exports.throttle import Effect, Throttle
from tests.exports.jobs import NOON
from tests.exports.throttles import FAULT, account, later, opened, probing, told

OTHER_FAULT = Fault("credentials_refused", "the vendor says no", "Renew them.")
FAILURES = [Effect.BROKEN, Effect.REFUSED]
GOOD = [Effect.STARTED, Effect.ANSWERED]
THROTTLED = [Effect.SLOTS_FULL, Effect.RATE_LIMITED]
PROBE_SECONDS = 60.0

effects = st.sampled_from(Effect)
draws = st.floats(0.0, 1.0, exclude_max=True)
gaps = st.floats(0.0, 400.0)
delays = st.none() | st.floats(0.001, 3600.0)
answers = st.lists(st.tuples(effects, gaps, delays, draws), max_size=40)


def closed_for(throttle: Throttle, at: float = 0.0) -> float:
    """Seconds until the account may be called again."""
    until = throttle.closed_until(later(at))
    return (until - later(at)).total_seconds() if until else 0.0


def passed(throttle: Throttle, answers: Iterable[tuple[Effect, float, float | None, float]]) -> Iterable[Throttle]:
    at = 0.0
    for effect, gap, delay, draw in answers:
        at += gap
        throttle = told(throttle, effect, at=at, delay=delay, draw=draw)
        yield throttle


@given(max_started=st.integers(1, 50), limit=st.floats(1.0, 50.0), answers=answers)
def test_no_answers_whatever_give_more_slots_than_max_started_or_fewer_than_one(
    max_started: int, limit: float, answers: list[tuple[Effect, float, float | None, float]]
) -> None:
    for throttle in passed(account(max_started, limit=limit), answers):
        assert 1 <= throttle.slots <= max_started
        assert 1.0 <= throttle.limit <= max(limit, max_started)


@given(max_started=st.integers(1, 50), starts=st.integers(1, 200))
def test_success_never_raises_the_limit_above_max_started(max_started: int, starts: int) -> None:
    throttle = told(account(max_started, limit=1.0), *[Effect.STARTED] * starts)
    assert throttle.limit <= max_started


def test_a_throttled_start_halves_the_slots_down_to_one() -> None:
    throttle, slots = account(8), []
    for at in range(0, 5000, 1000):
        throttle = told(throttle, Effect.SLOTS_FULL, at=at)
        slots.append(throttle.slots)
    assert slots == [4, 2, 1, 1, 1]


def test_a_throttled_start_halves_what_is_in_use_not_what_a_greater_setting_once_allowed() -> None:
    assert told(account(4, limit=16.0), Effect.SLOTS_FULL).slots == 2


@pytest.mark.parametrize("limit", [1.0, 4.0, 10.0, 30.0])
def test_a_whole_round_of_starts_gives_about_one_slot_back(limit: float) -> None:
    raised = told(account(50, limit=limit), *[Effect.STARTED] * int(limit))
    assert raised.limit == pytest.approx(limit + 1, abs=0.2)


def test_starts_give_every_slot_back_in_the_end() -> None:
    throttle = account(5)
    for at in (0.0, 100.0, 200.0):
        throttle = told(throttle, Effect.SLOTS_FULL, at=at)
    assert throttle.slots == 1
    assert told(throttle, *[Effect.STARTED] * 14).slots == 5


@pytest.mark.parametrize("effect", [effect for effect in Effect if effect not in {Effect.STARTED, Effect.SLOTS_FULL}])
def test_only_starts_change_the_limit(effect: Effect) -> None:
    assert told(account(5, limit=2.0), *[effect] * 6).limit == 2.0


@given(answers=answers, used=st.integers(0, 100), at=st.floats(0.0, 20_000.0))
def test_what_is_admitted_fits_beside_what_is_used(
    answers: list[tuple[Effect, float, float | None, float]], used: int, at: float
) -> None:
    for throttle in passed(account(5), answers):
        admitted = throttle.admits(used, later(at))
        assert 0 <= admitted <= max(0, throttle.slots - used)
        assert not (admitted and throttle.closed_until(later(at)))


@pytest.mark.parametrize("effect", THROTTLED)
def test_a_throttled_account_is_blocked_until_the_moment_that_the_vendor_named_and_no_longer(effect: Effect) -> None:
    throttle = told(account(), effect, delay=42.0)
    assert throttle.closed_until(NOON) == later(42.0)
    assert throttle.admits(0, later(41.9)) == 0
    assert throttle.closed_until(later(42.0)) is None
    assert throttle.admits(0, later(42.0)) == throttle.slots


@pytest.mark.parametrize(("second", "until"), [(5.0, 42.0), (100.0, 110.0)])
def test_of_two_waits_that_the_vendor_named_the_later_end_counts(second: float, until: float) -> None:
    throttle = told(account(), Effect.RATE_LIMITED, delay=42.0)
    assert told(throttle, Effect.RATE_LIMITED, at=10.0, delay=second).blocked_until == later(until)


@pytest.mark.parametrize("effect", [*GOOD, Effect.NONE])
def test_a_good_answer_does_not_end_a_block(effect: Effect) -> None:
    throttle = told(account(), Effect.RATE_LIMITED, delay=42.0)
    assert told(throttle, effect, at=1.0).blocked_until == later(42.0)


def blocks(throttle: Throttle, count: int, *, draw: float) -> list[float]:
    """How long each block is, where each answer comes when the last block has ended."""
    lengths, at = [], 0.0
    for _ in range(count):
        throttle = told(throttle, Effect.RATE_LIMITED, at=at, draw=draw)
        lengths.append(closed_for(throttle, at))
        at += lengths[-1]
    return lengths


@given(draw=draws)
def test_where_the_vendor_names_no_wait_our_own_grows_from_a_second_to_a_minute(draw: float) -> None:
    lengths = blocks(account(), 10, draw=draw)
    ceilings = [min(60.0, 2.0**strike) for strike in range(10)]
    # A block ends on a whole microsecond.
    assert lengths == pytest.approx([ceiling * (0.5 + draw / 2) for ceiling in ceilings], abs=2e-6)


def test_a_start_that_was_taken_lets_our_own_waits_begin_anew() -> None:
    throttle = account()
    for at in range(0, 500, 100):
        throttle = told(throttle, Effect.RATE_LIMITED, at=at)
    started = told(throttle, Effect.STARTED, at=1000.0)
    assert closed_for(told(throttle, Effect.RATE_LIMITED, at=1000.0), 1000.0) > 20.0
    assert closed_for(told(started, Effect.RATE_LIMITED, at=1000.0), 1000.0) <= 1.0


@pytest.mark.parametrize("effect", THROTTLED)
@pytest.mark.parametrize("strays", [1, 20])
def test_answers_to_calls_that_were_under_way_when_a_block_began_do_not_lengthen_the_next(
    effect: Effect, strays: int
) -> None:
    throttle = told(account(), effect)
    strayed = told(throttle, *[effect] * strays, at=0.1)
    assert closed_for(told(strayed, effect, at=100.0), 100.0) == closed_for(told(throttle, effect, at=100.0), 100.0)


@pytest.mark.parametrize("effect", THROTTLED)
def test_answers_to_calls_that_were_under_way_when_a_block_began_do_not_extend_it(effect: Effect) -> None:
    throttle = told(account(), effect)
    assert told(throttle, effect, at=0.4).blocked_until == throttle.blocked_until


def test_a_rest_blocks_before_the_vendor_does_and_never_shortens_a_block() -> None:
    throttle = account().rested(7.0, now=NOON)
    assert throttle.closed_until(NOON) == later(7.0)
    assert throttle.rested(1.0, now=NOON) == throttle
    assert (throttle.slots, throttle.strikes) == (5, 0)


def test_refused_credentials_open_the_breaker_at_once() -> None:
    throttle = account().after(Effect.REFUSED, now=NOON, draw=0.5, fault=OTHER_FAULT)
    assert throttle.reason == OTHER_FAULT
    assert 15.0 <= closed_for(throttle) <= 30.0
    assert throttle.admits(0, NOON) == 0


def test_five_broken_answers_in_a_row_open_the_breaker_and_four_do_not() -> None:
    four = told(account(), *[Effect.BROKEN] * 4)
    assert (four.reason, four.admits(0, NOON)) == (None, 5)
    five = told(four, Effect.BROKEN)
    assert (five.reason, five.admits(0, NOON)) == (FAULT, 0)
    assert 2.5 <= closed_for(five) <= 5.0


@pytest.mark.parametrize("good", GOOD)
def test_a_good_answer_between_broken_ones_lets_the_count_begin_anew(good: Effect) -> None:
    throttle = told(account(), *[Effect.BROKEN] * 4, good, *[Effect.BROKEN] * 4)
    assert throttle.reason is None
    assert told(throttle, Effect.BROKEN).reason


def test_what_says_nothing_of_the_account_changes_nothing() -> None:
    for throttle in (account(), told(account(), *[Effect.BROKEN] * 4), opened(), probing(opened())[0]):
        assert told(throttle, Effect.NONE, at=1.0) == throttle


@pytest.mark.parametrize("stray", FAILURES)
@pytest.mark.parametrize("opening", FAILURES)
def test_failed_answers_to_calls_that_were_under_way_when_the_breaker_opened_change_nothing(
    opening: Effect, stray: Effect
) -> None:
    throttle = told(account(), *[opening] * 5)
    for at in (0.0, 1.0, 1000.0):
        strayed = throttle.after(stray, now=later(at), draw=0.9, fault=OTHER_FAULT)
        assert strayed == throttle


@pytest.mark.parametrize("effect", THROTTLED)
def test_a_throttled_answer_does_not_close_the_breaker_nor_open_it_sooner(effect: Effect) -> None:
    throttle = opened()
    throttled = told(throttle, effect, delay=1.0)
    assert (throttled.reason, throttled.open_until) == (throttle.reason, throttle.open_until)


def test_an_open_breaker_lets_one_probe_through_at_a_time() -> None:
    throttle = opened(max_started=50)
    assert throttle.open_until
    assert throttle.admits(0, throttle.open_until - timedelta(seconds=0.1)) == 0
    assert throttle.admits(0, throttle.open_until) == 1
    assert throttle.admits(50, throttle.open_until) == 0
    under_way, at = probing(throttle)
    assert under_way.admits(0, later(at)) == 0
    assert under_way.admits(0, later(at + PROBE_SECONDS - 0.1)) == 0


def test_a_probe_that_never_comes_back_gives_way_to_another() -> None:
    under_way, at = probing(opened())
    assert under_way.admits(0, later(at + PROBE_SECONDS)) == 1
    again = under_way.probed(later(at + PROBE_SECONDS))
    assert again.admits(0, later(at + PROBE_SECONDS)) == 0


def test_a_poll_that_probes_keeps_all_others_back_and_needs_no_slot() -> None:
    throttle = opened()
    assert throttle.open_until
    under_way = throttle.probed(throttle.open_until)
    assert under_way.closed_until(throttle.open_until) == throttle.open_until + timedelta(seconds=PROBE_SECONDS)


def test_an_account_whose_breaker_is_closed_needs_no_probe() -> None:
    throttle = told(account(), *[Effect.BROKEN] * 4)
    assert throttle.probed(NOON) == throttle
    assert throttle.admitted(3, NOON) == throttle
    assert throttle.admitted(0, NOON) == throttle


@pytest.mark.parametrize("good", GOOD)
def test_a_probe_that_succeeds_closes_the_breaker(good: Effect) -> None:
    under_way, at = probing(opened())
    closed = told(under_way, good, at=at + 1)
    assert (closed.reason, closed.open_until, closed.failures, closed.probing) == (None, None, 0, False)
    assert closed.admits(0, later(at + 1)) == 5
    assert told(closed, *[Effect.BROKEN] * 4, at=at + 2).reason is None


@pytest.mark.parametrize("failure", FAILURES)
def test_a_probe_that_fails_keeps_the_breaker_open_ever_longer_up_to_five_minutes(failure: Effect) -> None:
    throttle, lengths = told(account(), *[failure] * 5), []
    for _ in range(12):
        under_way, at = probing(throttle)
        throttle = told(under_way, failure, at=at)
        lengths.append(closed_for(throttle, at))
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[1] < lengths[2]
    assert lengths[-1] == 225.0


def test_a_probe_that_fails_tells_the_newest_reason() -> None:
    under_way, at = probing(opened())
    refused = under_way.after(Effect.REFUSED, now=later(at), draw=0.5, fault=OTHER_FAULT)
    assert refused.reason == OTHER_FAULT
    assert not refused.probing


@given(answers=answers, draw=draws)
def test_whatever_was_answered_the_account_is_called_again_within_an_hour(
    answers: list[tuple[Effect, float, float | None, float]], draw: float
) -> None:
    at = 0.0
    throttle = account()
    for effect, gap, delay, _ in answers:
        at += gap
        throttle = told(throttle, effect, at=at, delay=delay, draw=draw)
        assert closed_for(throttle, at) <= 3600.0
        assert throttle.admits(0, later(at + 3600.0)) >= 1


def test_one_burst_of_throttled_starts_lowers_the_limit_once() -> None:
    assert told(account(8), *[Effect.SLOTS_FULL] * 3).slots == 4


def test_a_probe_is_given_back_by_the_export_that_was_to_make_it_and_by_no_other() -> None:
    throttle = opened()
    assert throttle.open_until
    under_way = throttle.admitted(1, throttle.open_until, by="exp_1")
    soon = later(10)
    assert under_way.relieved("exp_2", soon) == under_way
    given_back = under_way.relieved("exp_1", soon)
    assert (given_back.closed_until(soon), given_back.probing, given_back.reason) == (None, False, FAULT)
    assert given_back.relieved("exp_1", later(11)) == given_back
