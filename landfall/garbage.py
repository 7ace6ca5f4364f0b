"""Keeps the rounds of the garbage collector short."""

import gc


def spare_what_is_loaded() -> None:
    """Leave all that exists by now out of every later round: modules, routes and schemas stay as long as the process.

    A full round over them takes a tenth of a second, in which no request is answered and no step goes on.
    """
    gc.collect()
    gc.freeze()
