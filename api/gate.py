"""Lets nobody in without a key or a log-in: ASGI middleware around everything."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import OPEN, Caller
from api.cookies import shown_session
from api.doorman import Doorman, address_of
from api.doorstep import is_a_browser, is_a_page, page, to_the_login
from api.keyring import Keyring
from api.logins import Logins, Visitor
from api.pages.statics import is_open
from api.problems import ProblemError
from api.rate_limit import Allowance
from landfall.database.connection import DatabaseUnavailable

_NO_KEY = "Bearer"
_POLICY_VIOLATION = 1008
_SCRAPED = "/metrics"
_SCRAPE_PATIENCE_SECONDS = 1.0


class Gate:
    """Everything but health, the log-in and what every page looks like needs a key.

    `scope["state"]["caller"]` is who holds it, `visitor` who is logged in to the pages. A log-in opens the pages alone:
    what a browser adds to a request of its own accord is no proof of a wish.
    """

    def __init__(self, app: ASGIApp, doorman: Doorman) -> None:
        """Guard the app; the doorman says whom to admit."""
        self._app = app
        self._doorman = doorman

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve whoever may be served."""
        if scope["type"] == "lifespan" or (scope["type"] == "http" and _is_open(scope["path"])):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._guard(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})

    async def _guard(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            visit = await self._visit(scope)
            state = scope.setdefault("state", {})
            state["caller"], state["visitor"] = visit.caller, visit.visitor
            allowance = self._doorman.admit(visit.caller)
        except (ProblemError, DatabaseUnavailable) as error:
            await _answer(error, scope, receive, send)
            return
        with suppress(_KeyLost):
            await self._app(scope, receive, _watched(send, visit, allowance))

    async def _visit(self, scope: Scope) -> "_Visit":
        token = shown_session(scope)
        logins: Logins = scope["app"].state.logins
        if token and is_a_page(scope["path"]) and not Headers(scope=scope).get("authorization"):
            visitor = await logins.visitor(token)
            if visitor:
                return _Visit(visitor.caller, lambda: logins.visitor(token), visitor)
        text = _shown(scope)
        keyring: Keyring = scope["app"].state.keyring
        caller = await self._caller(scope, keyring, text)
        return _Visit(caller, lambda: keyring.caller(text))

    async def _caller(self, scope: Scope, keyring: Keyring, text: str) -> Caller:
        """Who holds the key; for a scrape, who held it, while the database cannot tell: that it is away is told there."""
        last = keyring.last_caller(text) if scope["path"] == _SCRAPED else None
        try:
            async with asyncio.timeout(_SCRAPE_PATIENCE_SECONDS if last else None):
                return await self._doorman.caller(keyring, text, address_of(scope))
        except (DatabaseUnavailable, TimeoutError):
            if last is None:
                raise
            return last


@dataclass(frozen=True, slots=True)
class _Visit:
    """Whoever was let in; `ask` is asked again whether they still are to be."""

    caller: Caller
    ask: Callable[[], Awaitable[object]] = field(repr=False)
    visitor: Visitor | None = field(default=None, repr=False)

    async def is_welcome(self) -> bool:
        """Whether the key is still good, or at least nobody can tell."""
        with suppress(DatabaseUnavailable):
            return isinstance(await self.ask(), Caller | Visitor)
        return True


class _KeyLost(Exception):
    """The key of a stream is good no more."""


def _is_open(path: str) -> bool:
    return path in OPEN or is_open(path)


def _shown(scope: Scope) -> str:
    """The text of the key that a request shows. Raises ProblemError (401)."""
    sent = Headers(scope=scope).getlist("authorization")
    scheme, _, text = sent[0].partition(" ") if len(sent) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not text.strip():
        detail = "this needs one API key, sent as `Authorization: Bearer lf_…`; `landfall keys create` makes one"
        raise ProblemError(HTTPStatus.UNAUTHORIZED, detail, headers={"www-authenticate": _NO_KEY})
    return text.strip()


async def _answer(error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer as the app answers what a route raises, whose handlers stand further inside; or a person with a page."""
    if isinstance(error, ProblemError) and error.status == HTTPStatus.UNAUTHORIZED and is_a_browser(scope):
        response = to_the_login(scope) if is_a_page(scope["path"]) else page(error)
        await response(scope, receive, send)
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
