"""Gives Buy with Prime's access token to its callers and sees that one of them at a time asks for the next."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from pydantic import SecretStr

from landfall.exports.errors import ExportError, TemporaryError, VendorUnreachable
from landfall.vendors.buy_with_prime.access_token import AccessToken
from landfall.vendors.buy_with_prime.token_shelf import TokenShelf

# A caller that dies while it asks holds up the others no longer than this; a slower answer costs a second request.
_LONGEST_CLAIM_SECONDS = 10.0
_GLANCE_SECONDS = 0.5
_LOOK_SECONDS = (0.05, 0.1)


class TokenKeeper:
    """One client's hold on the account's token, refreshed at 80 % of its life by one caller of all processes.

    The others go on with the old token meanwhile; where there is none, they wait for the one who asks.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[AccessToken]],
        shelf: TokenShelf,
        *,
        patience: float,
        rest: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the call that fetches a new token and the place that all share.

        `patience` is the longest wait for a token, `rest` the least between two requests of which the first has failed:
        rapid ones are throttled. Both in seconds, as the clock.
        """
        self._fetch = fetch
        self._shelf = shelf
        self._patience = patience
        self._rest = rest
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token: SecretStr | None = None
        self._refused: SecretStr | None = None
        self._refresh_at = 0.0
        self._dies_at = 0.0

    @property
    def kept(self) -> tuple[SecretStr, ...]:
        """The token in use, if there is one, whether or not it still lives."""
        return (self._token,) if self._token else ()

    async def current(self) -> SecretStr:
        """Return a token that is good for a while.

        Raises what fetching one raises, also where another caller fetched; VendorUnreachable where that takes too long.
        """
        if fresh := self._fresh():
            return fresh
        if (old := self._living()) and self._lock.locked():
            return old
        give_up_at = self._clock() + self._patience
        async with self._lock:
            return self._fresh() or await self._renewed(give_up_at)

    async def drop(self, refused: SecretStr) -> None:
        """Forget the token that the vendor refused, for everybody, unless somebody has replaced it already."""
        self._refused = refused
        if self._token == refused:
            self._token = None
            self._refresh_at = self._dies_at = 0.0
        await self._shelf.take_away(refused)

    async def _renewed(self, give_up_at: float) -> SecretStr:
        waited = False
        while True:
            if found := await self._found(waited=waited):
                return found
            if await self._shelf.claim(min(self._patience + 1.0, _LONGEST_CLAIM_SECONDS)):
                return await self._claimed(waited=waited)
            if old := self._living():
                self._refresh_at = self._clock() + _GLANCE_SECONDS
                return old
            if self._clock() >= give_up_at:
                raise VendorUnreachable("there is no access token: another worker asks for one and has no answer yet")
            waited = True
            await asyncio.sleep(random.uniform(*_LOOK_SECONDS))  # noqa: S311 - spreads the callers, protects nothing

    async def _claimed(self, *, waited: bool) -> SecretStr:
        try:
            # Between the look and the claim somebody else may have asked and let go.
            return await self._found(waited=waited) or await self._asked()
        finally:
            await self._shelf.release()

    async def _found(self, *, waited: bool) -> SecretStr | None:
        """What another caller brought about: its token, or its failure where that is ours too."""
        token = await self._shelf.token()
        # One that is past its best may be older than what this process got while the shelf was out of reach.
        if token and token.value != self._refused and (token.fresh_for > 0 or not self._living()):
            self._keep(token)
        if fresh := self._fresh():
            return fresh
        failure = await self._shelf.failure()
        # A refusal is for those who waited for it: who comes later may have newer credentials.
        if failure is None or not (failure.temporary or failure.own or waited):
            return None
        return self._rested(failure.error(), failure.rest)

    async def _asked(self) -> SecretStr:
        asked_at = self._clock()
        try:
            fetched = await self._fetch()
        except ExportError as error:
            rest = self._rest
            if isinstance(error, TemporaryError):
                rest = error.delay = max(rest, error.delay or 0.0)
            await self._shelf.note(error, rest)
            return self._rested(error, rest)
        token = AccessToken(fetched.value, fetched.life, self._clock() - asked_at)
        self._keep(token)
        await self._shelf.put(token)
        return token.value

    def _rested(self, error: ExportError, rest: float) -> SecretStr:
        """Go on with the old token for a while, if it lives and trying again may help; else raise."""
        old = self._living()
        if old is None or not isinstance(error, TemporaryError):
            raise error
        self._refresh_at = self._clock() + rest
        return old

    def _keep(self, token: AccessToken) -> None:
        now = self._clock()
        self._token = token.value
        self._refresh_at = now + token.fresh_for
        self._dies_at = now + token.usable_for

    def _fresh(self) -> SecretStr | None:
        """The token, where nobody need think of the next one yet."""
        return self._token if self._clock() < min(self._refresh_at, self._dies_at) else None

    def _living(self) -> SecretStr | None:
        """The token, while it surely lives."""
        return self._token if self._clock() < self._dies_at else None
