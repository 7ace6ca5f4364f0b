"""Keeps the access token, and what is known of its refresh, where all workers find it."""

import hashlib
import json
import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pydantic import SecretStr

from landfall.exports.errors import (
    CredentialsRefused,
    ExportError,
    RateLimited,
    RequestRefused,
    TemporaryError,
    VendorUnavailable,
    VendorUnreachable,
)
from landfall.vendors.buy_with_prime.access_token import AccessToken, can_be_sent
from landfall.vendors.cache import Cache

_FAILURES: Mapping[object, type[ExportError]] = MappingProxyType(
    {
        kind.__name__: kind
        for kind in (CredentialsRefused, RateLimited, RequestRefused, VendorUnavailable, VendorUnreachable)
    }
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A token request that failed a moment ago; nobody asks again for `rest` seconds. `own`: it was this caller's."""

    kind: type[ExportError]
    rest: float
    own: bool

    @property
    def temporary(self) -> bool:
        """Whether trying again may help."""
        return issubclass(self.kind, TemporaryError)

    def error(self) -> ExportError:
        """The same error for another caller: its class and delay, not its words."""
        what = f"Buy with Prime gave no access token a moment ago ({self.kind.code}); it is not asked again yet"
        return self.kind(what, delay=self.rest) if issubclass(self.kind, TemporaryError) else self.kind(what)


class TokenShelf:
    """The place of one account's token: accounts with the same address, client and target share it."""

    def __init__(self, cache: Cache, base_url: str, client_id: SecretStr, target_id: SecretStr) -> None:
        """Name the place by a hash; the client's secret has no part in it."""
        named = json.dumps([base_url, client_id.get_secret_value(), target_id.get_secret_value()])
        place = f"buy_with_prime:{hashlib.sha256(named.encode()).hexdigest()[:32]}"
        self._token, self._failure, self._lock = f"{place}:token", f"{place}:failure", f"{place}:lock"
        self._cache = cache
        self._me = secrets.token_hex(8)

    async def token(self) -> AccessToken | None:
        """The token that lies here."""
        found = await self._cache.read(self._token)
        return _token(*found) if found else None

    async def put(self, token: AccessToken) -> None:
        """Lay the token here for as long as it may be used."""
        if token.usable_for > 0:
            content = json.dumps({"token": token.value.get_secret_value(), "life": token.life})
            await self._cache.write(self._token, content, token.usable_for)

    async def take_away(self, refused: SecretStr) -> None:
        """Forget the token that the vendor refused; its successor stays."""
        found = await self._cache.read(self._token)
        token = _token(*found) if found else None
        if found and token and token.value == refused:
            await self._cache.remove(self._token, found[0])

    async def failure(self) -> Failure | None:
        """What became of the last request, while nobody should ask again."""
        found = await self._cache.read(self._failure)
        if found is None:
            return None
        content, rest = _object(found[0]), found[1]
        return Failure(_FAILURES.get(content.get("error"), VendorUnavailable), rest, own=content.get("by") == self._me)

    async def note(self, error: ExportError, rest: float) -> None:
        """Tell every caller of a request that failed: the error's class, and no word of the vendor."""
        await self._cache.write(self._failure, json.dumps({"error": type(error).__name__, "by": self._me}), rest)

    async def claim(self, seconds: float) -> bool:
        """Become the one caller who asks for a token; the claim lapses by itself if that caller dies."""
        return await self._cache.claim(self._lock, self._me, seconds)

    async def release(self) -> None:
        """Let the next caller ask."""
        await self._cache.remove(self._lock, self._me)


def _token(content: str, seconds: float) -> AccessToken | None:
    """Read what lies there; anything else than a token of ours is as good as nothing."""
    found = _object(content)
    value, life = found.get("token"), found.get("life")
    if not can_be_sent(value) or not isinstance(life, int | float) or not math.isfinite(life):
        return None
    return AccessToken.left_with(SecretStr(value), float(life), seconds) if life > 0 else None


def _object(content: str) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
