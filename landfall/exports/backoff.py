"""Computes how long to wait, as arithmetic; `draw` is a uniform random number in [0, 1)."""


def exponential(attempt: int, *, base: float, cap: float, draw: float) -> float:
    """Seconds to wait after the attempt-th failure in a row: doubling from base to cap, the upper half random.

    Equal jitter keeps a lower bound, so that a herd spreads without anyone hurrying
    (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
    """
    ceiling = min(cap, base * 2.0 ** min(attempt - 1, 62))
    return ceiling * (0.5 + draw / 2)


def proportional(waited: float, *, share: float, floor: float, cap: float, draw: float) -> float:
    """Seconds until the next question: a share of the time waited so far, within floor and cap, +-10 % random.

    A question then costs at most that share of the whole wait, whether it takes seconds or hours.
    """
    return min(cap, max(floor, share * waited)) * (0.9 + draw / 5)
