"""Says when news that a receiver did not take is sent again, as arithmetic; `draw` is a uniform random number in [0, 1)."""

from collections.abc import Sequence

_HOUR = 3600.0
# Together just below a day, and with what chance adds some hours above it; then it is given up.
DELAYS: Sequence[float] = (5.0, 30.0, 120.0, 600.0, 1800.0, _HOUR, *(2 * _HOUR,) * 11)


def wait_after(
    attempts: int, *, draw: float, asked: float | None = None, delays: Sequence[float] = DELAYS
) -> float | None:
    """Seconds to wait after the attempts-th try in vain, None where that was the last.

    Up to a fifth more by chance, so that what failed together does not come back together; never less than the receiver
    `asked` for by Retry-After.
    """
    if attempts > len(delays):
        return None
    return max(delays[attempts - 1] * (1 + draw / 5), asked or 0.0)
