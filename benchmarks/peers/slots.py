"""Counts an account's slots in Redis and hands a freed one to the export that waited longest."""

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

# KEYS: slots taken, exports waiting. Atomic, as Redis runs a script alone.
_ENTER = """
if tonumber(redis.call('GET', KEYS[1]) or '0') < tonumber(ARGV[1]) then redis.call('INCR', KEYS[1]) return 1 end
redis.call('RPUSH', KEYS[2], ARGV[2])
return 0
"""
_LEAVE = """
local next = redis.call('LPOP', KEYS[2])
if not next then redis.call('DECR', KEYS[1]) end
return next
"""


def _keys(account: str) -> list[str]:
    return [f"taken:{account}", f"waiting:{account}"]


class Slots:
    """For threads and processes."""

    def __init__(self, redis: Redis, slots: int) -> None:
        """So many slots an account."""
        self._slots = slots
        self._enter, self._leave = redis.register_script(_ENTER), redis.register_script(_LEAVE)

    def enter(self, account: str, nth: int) -> bool:
        """Take a slot, or wait in line for one; True if it was taken."""
        return bool(self._enter(keys=_keys(account), args=[self._slots, nth]))

    def leave(self, account: str) -> int | None:
        """Give the slot to the next in line; returns which export that is, if any."""
        found = self._leave(keys=_keys(account))
        return None if found is None else int(found)


class AsyncSlots:
    """For coroutines."""

    def __init__(self, redis: AsyncRedis, slots: int) -> None:
        """So many slots an account."""
        self._slots = slots
        self._enter, self._leave = redis.register_script(_ENTER), redis.register_script(_LEAVE)

    async def enter(self, account: str, nth: int) -> bool:
        """Take a slot, or wait in line for one; True if it was taken."""
        return bool(await self._enter(keys=_keys(account), args=[self._slots, nth]))

    async def leave(self, account: str) -> int | None:
        """Give the slot to the next in line; returns which export that is, if any."""
        found = await self._leave(keys=_keys(account))
        return None if found is None else int(found)
