"""Checks the arithmetic of waiting."""

from hypothesis import given
from hypothesis import strategies as st

from landfall.exports import backoff
from landfall.exports.policy import RetryPolicy
from landfall.exports.poll_policy import PollPolicy

draws = st.floats(0.0, 1.0, exclude_max=True)


@given(attempt=st.integers(1, 10_000), draw=draws)
def test_an_exponential_wait_lies_between_half_its_ceiling_and_the_cap(attempt: int, draw: float) -> None:
    seconds = backoff.exponential(attempt, base=1.0, cap=60.0, draw=draw)
    ceiling = min(60.0, 2.0 ** min(attempt - 1, 100))
    assert ceiling / 2 <= seconds <= ceiling


@given(attempt=st.integers(1, 30))
def test_an_exponential_wait_never_shrinks_with_attempts(attempt: int) -> None:
    policy = RetryPolicy(max_attempts=12, base=0.5, cap=30.0)
    assert policy.delay(attempt, 0.5) <= policy.delay(attempt + 1, 0.5)


@given(waited=st.floats(0.0, 1e6), draw=draws)
def test_a_poll_comes_after_a_share_of_the_wait_within_its_bounds(waited: float, draw: float) -> None:
    policy = PollPolicy(share=0.25, floor=1.0, cap=60.0)
    seconds = policy.delay(waited, draw)
    assert 0.9 * min(60.0, max(1.0, waited / 4)) <= seconds <= 1.1 * min(60.0, max(1.0, waited / 4))
