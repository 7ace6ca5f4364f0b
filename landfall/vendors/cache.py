"""Keeps what several clients of one account share, in this process or beyond it."""

import time
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from landfall.log import get_logger

# How long a shared cache that failed is left alone: a hanging one would cost each call its whole time-out.
_AWAY_SECONDS = 5.0
_log = get_logger(__name__)
T = TypeVar("T")


class SharedCache(Protocol):
    """What clients need of a cache that all processes see. Every method raises OSError where it does not serve.

    Times are in seconds; a value is gone when its time is over.
    """

    async def read(self, key: str) -> tuple[str, float] | None:
        """The value and the time that it has left."""

    async def write(self, key: str, value: str, seconds: float) -> None:
        """Keep the value for so long, in place of any other."""

    async def claim(self, key: str, value: str, seconds: float) -> bool:
        """Keep the value for so long if the key has none; True if this call put it there."""

    async def remove(self, key: str, value: str) -> None:
        """Forget the key if it still has this value, in one act."""


class MemoryCache:
    """A cache of this process alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Take a monotonic clock in seconds."""
        self._clock = clock
        self._kept: dict[str, tuple[str, float]] = {}

    async def read(self, key: str) -> tuple[str, float] | None:
        """The value and the time that it has left."""
        return self._living(key)

    async def write(self, key: str, value: str, seconds: float) -> None:
        """Keep the value for so long, in place of any other."""
        self._kept[key] = (value, self._clock() + seconds)

    async def claim(self, key: str, value: str, seconds: float) -> bool:
        """Keep the value for so long if the key has none; True if this call put it there."""
        if self._living(key):
            return False
        self._kept[key] = (value, self._clock() + seconds)
        return True

    async def remove(self, key: str, value: str) -> None:
        """Forget the key if it still has this value."""
        if self._kept.get(key, ("", 0.0))[0] == value:
            del self._kept[key]

    def _living(self, key: str) -> tuple[str, float] | None:
        value, until = self._kept.get(key, ("", 0.0))
        left = until - self._clock()
        if left > 0:
            return value, left
        self._kept.pop(key, None)
        return None


class Cache:
    """A shared cache that never fails: while the shared one is away, this process's own memory stands in.

    Without a shared one it is that memory alone. Methods are those of SharedCache.
    """

    def __init__(self, shared: SharedCache | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the cache that all processes see, and a monotonic clock in seconds."""
        self._shared = shared
        self._clock = clock
        self._memory = MemoryCache(clock)
        self._away = False
        self._ask_again_at = 0.0

    async def read(self, key: str) -> tuple[str, float] | None:
        """The value and the time that it has left."""
        return await self._ask(lambda cache: cache.read(key))

    async def write(self, key: str, value: str, seconds: float) -> None:
        """Keep the value for so long, in place of any other."""
        await self._ask(lambda cache: cache.write(key, value, seconds))

    async def claim(self, key: str, value: str, seconds: float) -> bool:
        """Keep the value for so long if the key has none; True if this call put it there."""
        return await self._ask(lambda cache: cache.claim(key, value, seconds))

    async def remove(self, key: str, value: str) -> None:
        """Forget the key if it still has this value, in the memory too: it may stand in again."""
        await self._memory.remove(key, value)
        await self._ask(lambda cache: cache.remove(key, value))

    async def _ask(self, act: Callable[[SharedCache], Awaitable[T]]) -> T:
        if self._shared is None or (self._away and self._clock() < self._ask_again_at):
            return await act(self._memory)
        # Set before the try, so that one caller alone finds out whether it is back.
        self._ask_again_at = self._clock() + _AWAY_SECONDS
        try:
            answer = await act(self._shared)
        except OSError as error:
            self._went_away(error)
            return await act(self._memory)
        self._came_back()
        return answer

    def _went_away(self, error: OSError) -> None:
        if not self._away:
            _log.warning(
                "the shared cache is away; this process keeps its own", error=str(error) or type(error).__name__
            )
        self._away = True
        self._ask_again_at = self._clock() + _AWAY_SECONDS

    def _came_back(self) -> None:
        if self._away:
            _log.info("the shared cache is back")
        self._away = False
