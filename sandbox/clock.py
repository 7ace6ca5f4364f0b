"""Tells the time in epoch seconds that never run backwards."""

import time

_EPOCH_AT_ZERO = time.time() - time.monotonic()


def now() -> float:
    """Return epoch seconds; a wall clock that is set while the sandbox runs does not move them."""
    return _EPOCH_AT_ZERO + time.monotonic()
