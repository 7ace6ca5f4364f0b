"""Asks whoever shows an API key who they are, and lets nobody try many, or come more often than agreed."""

from http import HTTPStatus

from starlette.types import Scope

from api.auth import Caller
from api.keyring import Keyring
from api.problems import ProblemError
from api.rate_limit import Allowance, RateLimit
from landfall.database.keys import Found
from landfall.settings import Settings

_BAD_KEY = 'Bearer error="invalid_token"'
_WRONG_KEYS_A_SECOND = 1.0


class Doorman:
    """Knows how many wrong keys came from where, and how often each good one came."""

    def __init__(self, settings: Settings) -> None:
        """Bound guesses by the setting api_wrong_keys, requests by api_rate_limit and api_rate_burst."""
        wrong, rate = settings.api_wrong_keys, settings.api_rate_limit
        self._wrong_keys = RateLimit(_WRONG_KEYS_A_SECOND, wrong) if wrong else None
        self._rates = RateLimit(rate, settings.api_rate_burst) if rate else None

    async def caller(self, keyring: Keyring, text: str, address: str) -> Caller:
        """Who holds the key. Raises ProblemError (401, 429) and DatabaseUnavailable."""
        allowance = self._wrong_keys.look(address) if self._wrong_keys and not keyring.knows(text) else None
        guesses = _too_many_guesses(allowance) if allowance and allowance.wait else None
        # Whoever holds a good key is served even where another at the same address guesses, behind a proxy perhaps.
        if guesses and not await keyring.may_know(text):
            raise guesses
        found = await keyring.caller(text)
        if isinstance(found, Caller):
            return found
        if guesses:
            raise guesses
        if self._wrong_keys:
            self._wrong_keys.take(address)
        raise ProblemError(HTTPStatus.UNAUTHORIZED, _complaint(found), headers={"www-authenticate": _BAD_KEY})

    def admit(self, caller: Caller) -> Allowance | None:
        """What is left to the caller after this request; None where nothing bounds it. Raises ProblemError (429)."""
        allowance = self._rates.take(caller.key_id) if self._rates else None
        if allowance and allowance.wait:
            raise _too_many(f"the key {caller.name!r} asks too often", allowance, allowance.headers())
        return allowance


def address_of(scope: Scope) -> str:
    """Where a request comes from."""
    return scope["client"][0] if scope.get("client") else ""


def _complaint(found: Found | None) -> str:
    # Who holds the whole key may be told what has become of it.
    cure = "`landfall keys create` makes another"
    if found is None:
        return f"this API key is not known here; {cure}"
    if found.key.revoked_at:
        return f"this API key was revoked on {found.key.revoked_at:%Y-%m-%d %H:%M:%SZ}; {cure}"
    return f"this API key expired on {found.key.expires_at:%Y-%m-%d %H:%M:%SZ}; {cure}"


def _too_many_guesses(allowance: Allowance) -> ProblemError:
    headers = {"retry-after": str(allowance.wait)}
    return _too_many("too many wrong keys came from this address", allowance, headers)


def _too_many(what: str, allowance: Allowance, headers: dict[str, str]) -> ProblemError:
    """The problem of whoever asks too often."""
    return ProblemError(HTTPStatus.TOO_MANY_REQUESTS, f"{what}; try again in {allowance.wait} s", headers=headers)
