"""Wraps every request and its answer: the id, the host, the size of the body, what each answer carries, the log's line."""

import asyncio
import re
import time
from contextlib import suppress
from http import HTTPStatus

import uuid_utils
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

from api.auth import HEALTH
from api.error_handlers import answer
from api.hosts import host_check
from api.pages.statics import is_open
from api.problems import FieldError, ProblemError
from api.request_span import RequestSpan
from landfall.log import get_logger
from landfall.settings import Settings

_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_LINGER_SECONDS = 1.0
_LONGEST_PATH = 200
_UNLESS_SAID_OTHERWISE = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]
_ENDS_THE_CONNECTION = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})
_log = get_logger(__name__)


class Envelope:
    """The outermost layer of the API: what is refused or breaks further inside gets the same envelope."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        """Wrap the app, by the settings api_hosts, api_max_body_bytes and api_patience_seconds."""
        self._app = app
        self._answers_to = host_check(settings)
        self._most = settings.api_max_body_bytes
        self._patience = settings.api_patience_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, and write its line in the log."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send)
        try:
            taken = self._taken(exchange)
            await self._app(scope, taken, exchange.send)
        except ProblemError as error:
            await exchange.refuse(error)
        except ClientDisconnect:
            # In the middle of its body: the line that tells of it has no status.
            pass
        except Exception:  # noqa: BLE001 - whatever it is, the caller gets a problem and the log the stack
            _log.exception("a request ended in an error of Landfall's own", path=exchange.path)
            await exchange.refuse(_a_bug())
        finally:
            exchange.write_line()

    def _taken(self, exchange: "_Exchange") -> Receive:
        """What the app may read the body from. Raises ProblemError for a wrong host, or a body that says it is too long."""
        if self._answers_to and not (len(exchange.hosts) == 1 and self._answers_to(exchange.hosts[0])):
            raise _wrong_host(exchange.hosts)
        if exchange.announced > self._most:
            raise self._too_long()
        return self._bounded(exchange.receive) if exchange.has_body else exchange.receive

    def _bounded(self, receive: Receive) -> Receive:
        """The body as it comes, up to the limit, and for as long as it does come."""
        come, more = 0, True

        async def bounded() -> Message:
            nonlocal come, more
            if not more:
                return await receive()
            try:
                async with asyncio.timeout(self._patience):
                    message = await receive()
            except TimeoutError:
                raise self._too_slow() from None
            come, more = come + len(message.get("body", b"")), message.get("more_body", False)
            if come > self._most:
                raise self._too_long()
            return message

        return bounded

    def _too_slow(self) -> ProblemError:
        detail = f"nothing of the body came for {self._patience:g} s; send the request again"
        return ProblemError(HTTPStatus.REQUEST_TIMEOUT, detail)

    def _too_long(self) -> ProblemError:
        detail = f"the body is longer than {self._most} bytes; send less at once, or raise api_max_body_bytes"
        return ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, [FieldError(pointer="", detail=detail)])


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.receive = receive
        self.hosts: list[bytes] = []
        self.announced = 0
        self._is_chunked = False
        self._traceparents: list[bytes] = []
        self._scope = scope
        self._send = send
        self._began = time.perf_counter()
        self._status = 0
        self._waits_for_100 = False
        given_id = self._read_headers()
        self._id = given_id or f"req_{uuid_utils.uuid7().hex}".encode()
        scope.setdefault("state", {})["request_id"] = self._id.decode()
        # What an earlier request of the connection bound may still be there (CPython's issue 140947).
        clear_contextvars()
        bind_contextvars(request_id=self._id.decode())
        self._span = RequestSpan(scope, self._traceparents)

    def _read_headers(self) -> bytes | None:
        given_id = None
        for name, value in self._scope["headers"]:
            match name:
                case b"host":
                    self.hosts.append(value)
                case b"content-length":
                    self.announced = int(value)
                case b"transfer-encoding":
                    self._is_chunked = True
                case b"expect":
                    self._waits_for_100 = True
                case b"traceparent":
                    self._traceparents.append(value)
                case b"x-request-id" if _SANE_ID.fullmatch(value):
                    given_id = value
        return given_id

    @property
    def has_body(self) -> bool:
        """Whether a body comes with it."""
        return self.announced > 0 or self._is_chunked

    @property
    def path(self) -> str:
        """The path's template, which names no export; the path itself where no route has it."""
        route = self._scope.get("route")
        return str(getattr(route, "path", None) or self._scope["path"][:_LONGEST_PATH])

    async def send(self, message: Message) -> None:
        """Pass the answer on, with what every answer carries."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            message = {**message, "headers": self._headers(message.get("headers", []))}
        elif self._status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and not message.get("more_body"):
            await self._linger({**message, "more_body": True})
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    async def refuse(self, error: ProblemError) -> None:
        """Answer with a problem, unless an answer has begun: the server breaks that off."""
        if self._status:
            return
        await answer(Request(self._scope), error)(self._scope, self.receive, self.send)

    def write_line(self) -> None:
        """Tell the log of the exchange, and end its span: never a word of the query, which may hold anything."""
        path = self._scope["path"]
        write = _log.debug if path in HEALTH or is_open(path) else _log.info
        caller = self._scope["state"].get("caller")
        write(
            "request",
            method=self._scope["method"],
            path=self.path,
            status=self._status or None,
            seconds=round(time.perf_counter() - self._began, 4),
            key=caller.key_id if caller else None,
        )
        self._span.end(self._scope, self._status)

    def _headers(self, own: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        said = {name for name, _ in own}
        usual = [(name, value) for name, value in _UNLESS_SAID_OTHERWISE if name not in said]
        headers = [*own, *usual, (b"x-request-id", self._id)]
        if self._status in _ENDS_THE_CONNECTION:
            headers.append((b"connection", b"close"))
        return headers

    async def _linger(self, last: Message) -> None:
        """Send what is left of the answer and let some of the body go by.

        Whoever still sends when the connection closes is cut off by the system, and may never see the answer.
        """
        await self._send(last)
        if self._waits_for_100:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                while (await self.receive()).get("more_body"):
                    pass


def _wrong_host(hosts: list[bytes]) -> ProblemError:
    detail = "a request names one Host; this one names " + (f"{len(hosts)}" if hosts else "none")
    if len(hosts) == 1:
        name = hosts[0][:100].decode("latin-1")
        detail = f"this API does not answer to the host {name!r}; add it to api_hosts (LANDFALL_API_HOSTS)"
        return ProblemError(HTTPStatus.MISDIRECTED_REQUEST, detail, [FieldError(header="Host", detail=detail)])
    return ProblemError(HTTPStatus.BAD_REQUEST, detail, [FieldError(header="Host", detail=detail)])


def _a_bug() -> ProblemError:
    detail = "Landfall made a mistake; the lines of the API's log with this request_id tell more"
    return ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, detail)
