"""Cuts a long list of values into parts of few sizes: each size is a statement of its own, to be prepared once."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
_MOST = 512


def few_sizes(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values in parts of a power of two each, at most 512; the last value is repeated to fill the last part."""
    for start in range(0, len(values), _MOST):
        part = values[start : start + _MOST]
        size = 1 << (len(part) - 1).bit_length()
        yield [*part, *[part[-1]] * (size - len(part))]
