"""Keeps in Redis what the workers share for a short time, such as a vendor's access token."""

from collections.abc import Awaitable
from typing import TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

_PREFIX = "landfall:shared:"
# Compare and delete in one act: between a GET and a DEL of ours the value may become somebody else's.
_REMOVE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
"""
T = TypeVar("T")


class RedisCache:
    """Values with an expiry that every process on this Redis sees.

    Values stand in Redis in the clear, and in the embedded Redis's append-only file (for its owner only) until Redis
    rewrites it. Whoever may read this Redis may use an access token until it dies (15 minutes at Buy with Prime), but
    learns no credential from which to make the next. So a Redis that others use as well needs an ACL that keeps them
    off `landfall:*`, and one across a network needs TLS (`rediss://`). Encryption is left out on purpose: the only key
    that all workers have is the account's secret, and a weak one could then be guessed from what stands here.

    Commands are those of Redis 6.2: GET, PTTL, SET with PX and NX, and a script. Every method raises OSError, without
    values in it, where Redis does not serve.
    """

    def __init__(self, redis: Redis) -> None:
        """Use a Redis that does not decode answers and whose socket time-out is a few seconds."""
        self._redis = redis
        self._remove = redis.register_script(_REMOVE)

    async def read(self, key: str) -> tuple[str, float] | None:
        """The value and the seconds that it has left."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.get(_PREFIX + key)
            pipe.pttl(_PREFIX + key)
            value, milliseconds = await _served(pipe.execute())
        # A value without an expiry (-1) is none of ours.
        return (
            (value.decode(errors="replace"), milliseconds / 1000) if value is not None and milliseconds >= 0 else None
        )

    async def write(self, key: str, value: str, seconds: float) -> None:
        """Keep the value for so many seconds, in place of any other."""
        await _served(self._redis.set(_PREFIX + key, value, px=_milliseconds(seconds)))

    async def claim(self, key: str, value: str, seconds: float) -> bool:
        """Keep the value for so many seconds if the key has none; True if this call put it there."""
        return bool(await _served(self._redis.set(_PREFIX + key, value, px=_milliseconds(seconds), nx=True)))

    async def remove(self, key: str, value: str) -> None:
        """Forget the key if it still has this value, in one act."""
        await _served(self._remove(keys=[_PREFIX + key], args=[value]))


async def _served(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except RedisError as error:
        # The name alone: an error of a command may repeat what was sent.
        raise ConnectionError(type(error).__name__) from None


def _milliseconds(seconds: float) -> int:
    """Rounded down, for a value never outlives its time; Redis refuses 0."""
    return max(1, int(seconds * 1000))
