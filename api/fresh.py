"""Finds something out at most once a second, however many ask."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_SECONDS = 1.0


class Fresh(Generic[T]):
    """What was found out within the last second; whoever asks while it is found out waits for that."""

    def __init__(self, look: Callable[[], Coroutine[Any, Any, T]]) -> None:
        """Look when somebody asks."""
        self._look = look
        self._looking: asyncio.Task[T] | None = None
        self._since = 0.0

    async def get(self) -> T:
        """What there is to see, or the error that looking ended with."""
        now = asyncio.get_running_loop().time()
        if self._looking is None or (self._looking.done() and now - self._since >= _SECONDS):
            self._looking = asyncio.create_task(self._look())
            self._since = now
        # Whoever gives up waiting does not take the others' answer along.
        return await asyncio.shield(self._looking)
