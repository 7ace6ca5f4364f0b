"""Speaks HTTP/1.1 as uvicorn does, with a bound on how large a request's head is and how long it takes to come."""

import asyncio
from http import HTTPStatus

import uuid_utils
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.problems import ProblemError, problem_body
from landfall.log import get_logger

# uvicorn bounds neither: a client could fill the memory with one header, or hold a connection for ever.
# Trailers and the extensions of chunks are bounded by the same number.
_MOST_HEAD_BYTES = 64 << 10
_LINGER_SECONDS = 1.0
_log = get_logger(__name__)


class BoundedProtocol(HttpToolsProtocol):
    """One connection; what is no request gets a problem for an answer, too."""

    patience = 30.0
    _in_head = True
    _is_new = True
    _bytes_without_body = 0
    _is_over = False
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(self.patience, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._wait_no_longer()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin a head."""
        if self.cycle is not None:
            self._wait_no_longer()
        super().on_message_begin()
        self._in_head, self._is_new, self._bytes_without_body = True, True, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of the head; one of the trailers would pass for it (RFC 9110, 6.5.1)."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """End it."""
        self._in_head = False
        self._wait_no_longer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take some of the body."""
        self._is_new, self._bytes_without_body = True, 0
        super().on_body(body)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if not self._is_over:
            super().data_received(data)
            self._look_at_course(data)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the signature is uvicorn's
        """Answer what is no HTTP."""
        self._refuse(ProblemError(HTTPStatus.BAD_REQUEST, "this is no HTTP/1.1 request that can be read"))

    def _look_at_course(self, data: bytes) -> None:
        if self._is_over or self.transport.is_closing():
            return
        # What a head or trailers began in may hold some of a body: that much is let pass.
        self._bytes_without_body += 0 if self._is_new else len(data)
        self._is_new = False
        if self._bytes_without_body > _MOST_HEAD_BYTES:
            detail = f"the head of a request has more than {_MOST_HEAD_BYTES} bytes; send shorter headers"
            self._break_off(ProblemError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail))
        elif self._deadline is None and (self._in_head or self._is_answered()):
            # Answered before all of it came, too: with what comes uvicorn has just stopped its own clock.
            self._deadline = self.loop.call_later(self.patience, self._give_up)

    def _is_answered(self) -> bool:
        return self.cycle is not None and self.cycle.response_complete  # type: ignore[redundant-expr]  # None at first

    def _give_up(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            detail = f"the head of a request did not come within {self.patience:g} s"
            self._break_off(ProblemError(HTTPStatus.REQUEST_TIMEOUT, detail))

    def _break_off(self, error: ProblemError) -> None:
        """Refuse what is no whole head yet; what is left of a request that was answered is not answered again."""
        if self._in_head or not self._is_answered():
            self._refuse(error)
        else:
            self._is_over = True
            self.transport.close()

    def _wait_no_longer(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, error: ProblemError) -> None:
        """Answer and read no more; a request that came before on this connection is answered alone."""
        self._is_over = True
        self._wait_no_longer()
        if self.cycle is not None and not self.cycle.response_complete:  # type: ignore[redundant-expr]  # None at first
            self.cycle.keep_alive = False
            return
        request_id = f"req_{uuid_utils.uuid7().hex}"
        body = problem_body(error, request_id)
        head = (
            f"HTTP/1.1 {error.status.value} {error.status.phrase}\r\n"
            "content-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\n"
            "cache-control: no-store\r\n"
            "x-content-type-options: nosniff\r\n"
            f"x-request-id: {request_id}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        # Closed at once, the system would cut off who still sends, and with it the answer.
        self.transport.write_eof()
        self._deadline = self.loop.call_later(_LINGER_SECONDS, self.transport.close)
        _log.info("request", method=None, path=None, status=error.status.value, request_id=request_id)


def protocol_with(patience: float) -> type[BoundedProtocol]:
    """The protocol that waits for a head for so many seconds: uvicorn wants a class."""
    return type("Protocol", (BoundedProtocol,), {"patience": patience})
