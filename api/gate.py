"""Lets nobody in without a key, and nobody more often than agreed: ASGI middleware around everything that is served."""

from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import OPEN, Caller
from api.doorstep import is_a_browser, page
from api.keyring import Keyring
from api.problems import ProblemError
from api.rate_limit import Allowance, RateLimit
from landfall.database.connection import DatabaseUnavailable
from landfall.database.keys import Found
from landfall.settings import Settings

_NO_KEY = "Bearer"
_BAD_KEY = 'Bearer error="invalid_token"'
_POLICY_VIOLATION = 1008
_WRONG_KEYS_A_SECOND = 1.0


class Gate:
    """Everything but health needs a key; `scope["state"]["caller"]` is who holds it."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        """Guard the app by the limits of the settings."""
        self._app = app
        rate, burst, wrong = settings.api_rate_limit, settings.api_rate_burst, settings.api_wrong_keys
        self._rates = RateLimit(rate, burst) if rate else None
        self._wrong_keys = RateLimit(_WRONG_KEYS_A_SECOND, wrong) if wrong else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve whoever may be served."""
        if scope["type"] == "lifespan" or (scope["type"] == "http" and scope["path"] in OPEN):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._guard(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})

    async def _guard(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            visit = await self._visit(scope)
            scope.setdefault("state", {})["caller"] = visit.caller
            allowance = self._rates.take(visit.caller.key_id) if self._rates else None
            if allowance and allowance.wait:
                raise _too_many(f"the key {visit.caller.name!r} asks too often", allowance, allowance.headers())
        except (ProblemError, DatabaseUnavailable) as error:
            await _answer(error, scope, receive, send)
            return
        with suppress(_KeyLost):
            await self._app(scope, receive, _watched(send, visit, allowance))

    async def _visit(self, scope: Scope) -> "_Visit":
        text = _shown(scope)
        keyring: Keyring = scope["app"].state.keyring
        address = scope["client"][0] if scope.get("client") else ""
        allowance = self._wrong_keys.look(address) if self._wrong_keys and not keyring.knows(text) else None
        guesses = _too_many_guesses(allowance) if allowance and allowance.wait else None
        # Whoever holds a good key is served even where another at the same address guesses, behind a proxy perhaps.
        if guesses and not await keyring.may_know(text):
            raise guesses
        found = await keyring.caller(text)
        if isinstance(found, Caller):
            return _Visit(keyring, text, found)
        if guesses:
            raise guesses
        if self._wrong_keys:
            self._wrong_keys.take(address)
        raise ProblemError(HTTPStatus.UNAUTHORIZED, _complaint(found), headers={"www-authenticate": _BAD_KEY})


@dataclass(frozen=True, slots=True)
class _Visit:
    """A caller who was let in."""

    keyring: Keyring
    text: str = field(repr=False)
    caller: Caller

    async def is_welcome(self) -> bool:
        """Whether the key is still good, or at least nobody can tell."""
        with suppress(DatabaseUnavailable):
            return isinstance(await self.keyring.caller(self.text), Caller)
        return True


class _KeyLost(Exception):
    """The key of a stream is good no more."""


def _shown(scope: Scope) -> str:
    """The text of the key that a request shows. Raises ProblemError (401)."""
    sent = Headers(scope=scope).getlist("authorization")
    scheme, _, text = sent[0].partition(" ") if len(sent) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not text.strip():
        detail = "this needs one API key, sent as `Authorization: Bearer lf_…`; `landfall keys create` makes one"
        raise ProblemError(HTTPStatus.UNAUTHORIZED, detail, headers={"www-authenticate": _NO_KEY})
    return text.strip()


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
    return ProblemError(HTTPStatus.TOO_MANY_REQUESTS, f"{what}; try again in {allowance.wait} s", headers=headers)


async def _answer(error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer as the app answers what a route raises, whose handlers stand further inside; or a person with a page."""
    if isinstance(error, ProblemError) and error.status == HTTPStatus.UNAUTHORIZED and is_a_browser(scope):
        await page(error)(scope, receive, send)
        return
    handlers = scope["app"].exception_handlers
    handler = next(handlers[kind] for kind in type(error).__mro__ if kind in handlers)
    response = await handler(Request(scope), error)
    await response(scope, receive, send)


def _watched(send: Send, visit: _Visit, allowance: Allowance | None) -> Send:
    """Write what is left to the caller into the head of the answer, and end a stream of events with its key."""
    streams = False

    async def watch(message: Message) -> None:
        nonlocal streams
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(allowance.headers() if allowance else {})
            streams = headers.get("content-type", "").startswith("text/event-stream")
        elif streams and not await visit.is_welcome():
            await send({"type": "http.response.body"})
            raise _KeyLost
        await send(message)

    return watch
