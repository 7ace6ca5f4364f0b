"""Speaks HTTP/1.1 as uvicorn does, with a bound on a request's head, on how long it takes, and on who does not read."""

import asyncio
from http import HTTPStatus

import uuid_utils
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.problems import ProblemError, problem_body
from landfall.log import get_logger

# uvicorn bounds neither: a client could fill the memory with one header, or hold a connection for ever.
# Trailers and the extensions of chunks are bounded by the same number.
_MOST_HEAD_BYTES = 64 << 10
# uvicorn queues up as many as come while one is being answered, without a bound, each a hundred times as large.
_MOST_IN_LINE = 32
_LINGER_SECONDS = 1.0
# So many times as long as for a request it is waited for who reads nothing of an answer: what they do with it may take.
_PATIENCE_WITH_READERS = 4
_log = get_logger(__name__)


class _TooManyInLine(Exception):
    """A client sends more requests than it reads answers."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection; what is no request gets a problem for an answer, too."""

    patience = 30.0
    _in_head = True
    _is_new = True
    _bytes_without_body = 0
    _is_over = False
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(self.patience, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._wait_no_longer()
        if self._unread is not None:
            self._unread.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Begin to watch whether what was written is read."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        """Watch no longer, unless this is the end of an answer."""
        super().resume_writing()
        self._watch_reader()

    def on_message_begin(self) -> None:
        """Begin a head. Raises _TooManyInLine, which the parser takes for the end of what can be read."""
        if len(self.pipeline) >= _MOST_IN_LINE:
            raise _TooManyInLine
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
        self._watch_reader()

    def on_response_complete(self) -> None:
        """Go on with the next in line; uvicorn would read more at once, however many there are."""
        super().on_response_complete()
        self._watch_reader()
        if self.pipeline:
            self.flow.pause_reading()

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

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing where uvicorn tells the log to install a library: an upgrade is an offer, which may be declined."""

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

    def _watch_reader(self) -> None:
        """Look later whether less is left to be read, where nothing is written meanwhile: closing alone would wait for it."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        left = self.transport.get_write_buffer_size()
        if left and (self.flow.write_paused or self._is_answered()):
            self._unread = self.loop.call_later(self.patience * _PATIENCE_WITH_READERS, self._look_at_reader, left)

    def _look_at_reader(self, left: int) -> None:
        self._unread = None
        if self.transport.get_write_buffer_size() < left:
            self._watch_reader()
        else:
            _log.info("a client that does not read was left", seconds=self.patience * _PATIENCE_WITH_READERS)
            self.transport.abort()

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
