"""Wakes a sleeping worker when there is something new to do; best effort, never needed."""

from redis.asyncio import Redis
from redis.exceptions import RedisError

from landfall.log import get_logger

_KEY = "landfall:wake"
_EXPIRES_SECONDS = 60
_log = get_logger(__name__)


class Bell:
    """One bell for all processes: a ring that nobody heard is heard by the next who listens."""

    def __init__(self, redis: Redis) -> None:
        """Use a Redis whose socket timeout is longer than any wait below."""
        self._redis = redis

    async def ring(self) -> None:
        """Wake one worker; a Redis that is away costs only that worker's next look of its own."""
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.lpush(_KEY, 1)
                pipe.ltrim(_KEY, 0, 0)
                pipe.expire(_KEY, _EXPIRES_SECONDS)
                await pipe.execute()
        except (RedisError, OSError) as error:
            _log.warning("nobody was woken", error=type(error).__name__)

    async def wait(self, seconds: float) -> bool:
        """Sleep until the bell rings or the time is over; True if it rang. Raises RedisError or OSError."""
        # Sent as it is written: redis-py's own method is typed for whole seconds, the command takes fractions.
        answer = await self._redis.execute_command("BLPOP", _KEY, seconds)  # type: ignore[no-untyped-call]  # redis-py leaves it open
        return answer is not None
