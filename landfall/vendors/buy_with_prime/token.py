"""Keeps one Buy with Prime access token for all callers."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pydantic import SecretStr

from landfall.exports.errors import TemporaryError

# Rapid token requests are throttled, so a failed early refresh rests while the old token still serves.
_REST_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A bearer token and the seconds that it lives from the moment it was asked for."""

    value: SecretStr
    life: float


class TokenKeeper:
    """The account's current token, refreshed by one caller at a time at 80 % of its life."""

    def __init__(
        self, fetch: Callable[[], Awaitable[AccessToken]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the call that fetches a new token, and a monotonic clock in seconds."""
        self._fetch = fetch
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token: SecretStr | None = None
        self._refresh_at = 0.0
        self._dies_at = 0.0

    @property
    def kept(self) -> tuple[SecretStr, ...]:
        """The token in use, if there is one, whether or not it still lives."""
        return (self._token,) if self._token else ()

    async def current(self) -> SecretStr:
        """Return a token that is good for a while. Raises what fetching one raises."""
        if self._token and self._clock() < self._refresh_at:
            return self._token
        if (old := self._living()) and self._lock.locked():
            return old
        async with self._lock:
            if self._token and self._clock() < self._refresh_at:
                return self._token
            return await self._refreshed()

    def drop(self, refused: SecretStr) -> None:
        """Forget the token that the vendor refused, unless somebody has replaced it already."""
        if self._token == refused:
            self._token = None

    async def _refreshed(self) -> SecretStr:
        asked_at = self._clock()
        try:
            token = await self._fetch()
        except TemporaryError as error:
            old = self._living()
            if old is None:
                raise
            self._refresh_at = self._clock() + max(_REST_SECONDS, error.delay or 0.0)
            return old
        self._token = token.value
        self._refresh_at = asked_at + 0.8 * token.life
        self._dies_at = asked_at + 0.95 * token.life
        return token.value

    def _living(self) -> SecretStr | None:
        """The token, while it surely lives: it is given up a little early, for the time that a call takes."""
        return self._token if self._clock() < self._dies_at else None
