"""Runs synchronous tests on asyncpg, as Landfall runs its synchronous queries on it."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TypeVar

from sqlalchemy.util import greenlet_spawn

T = TypeVar("T")


class Bridge:
    """One event loop for all that a test does, piece by piece."""

    def __init__(self) -> None:
        """Make the loop."""
        self._runner = asyncio.Runner()

    def run(self, work: Callable[[], T]) -> T:
        """Run `work`, whose queries are awaited behind its back."""

        async def spawn() -> T:
            return await greenlet_spawn(work)

        return self._runner.run(spawn())

    def close(self) -> None:
        """Close the loop."""
        self._runner.close()


class Crossing(AbstractContextManager[T]):
    """A context manager that is entered and left over the bridge."""

    def __init__(self, bridge: Bridge, inner: AbstractContextManager[T]) -> None:
        """Enter nothing yet."""
        self._bridge = bridge
        self._inner = inner

    def __enter__(self) -> T:
        """Enter."""
        return self._bridge.run(self._inner.__enter__)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """Leave."""
        return self._bridge.run(lambda: self._inner.__exit__(kind, error, trace))
