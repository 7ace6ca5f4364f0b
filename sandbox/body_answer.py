"""Sends a CSV body piece by piece, as fast as the client reads it or as badly as a fault says."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from starlette.types import Receive, Scope, Send

from sandbox.connections import cut, disconnected_within, transport_of
from sandbox.csv_body import CsvBody
from sandbox.ranges import Span

_DRIP_BYTES = 10


class Ending(Enum):
    """What becomes of the body after the bytes that are sent well."""

    WHOLE = "whole"
    RESET = "reset"
    CLOSE = "close"
    DRIP = "drip"


@dataclass(frozen=True, slots=True)
class Plan:
    """``well`` bytes are sent well, then the ending comes; drips are ``seconds`` apart."""

    ending: Ending = Ending.WHOLE
    well: int = 0
    seconds: float = 1.0


class BodyAnswer:
    """An answer with ``span`` of ``body``."""

    def __init__(
        self,
        body: CsvBody,
        span: Span,
        plan: Plan,
        headers: dict[str, str],
        *,
        sent: Callable[[int], None],
        ended: Callable[[], None],
    ) -> None:
        """Prepare the answer; ``sent`` is told the size of each piece, ``ended`` is called when all have gone out."""
        self._body, self._span, self._plan, self._headers = body, span, plan, headers
        self._sent, self._ended = sent, ended
        self.status_code = 206 if "Content-Range" in headers else 200

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send headers and body."""
        lines = [(name.lower().encode(), value.encode("latin-1")) for name, value in self._headers.items()]
        await send({"type": "http.response.start", "status": self.status_code, "headers": lines})
        match self._plan.ending:
            case Ending.WHOLE:
                complete = await self._send_well(scope, send, self._span.stop)
            case Ending.DRIP:
                complete = await self._drip(scope, receive, send)
            case ending:
                await self._send_well(scope, send, self._span.start + self._plan.well)
                await cut(scope, receive, reset=ending is Ending.RESET)
                return
        if not complete:
            # Until uvicorn, too, has seen the client go, it would take the missing rest for our mistake.
            await cut(scope, receive, reset=False)
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        self._ended()

    async def _send_well(self, scope: Scope, send: Send, stop: int) -> bool:
        """Send up to offset ``stop``; False where the client went away."""
        transport = transport_of(scope)
        for piece in self._body.pieces(self._span.start, stop):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            if transport.is_closing():
                return False
            self._sent(len(piece))
        # An empty piece waits until the one before has left the write buffer.
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        return not transport.is_closing()

    async def _drip(self, scope: Scope, receive: Receive, send: Send) -> bool:
        offset = self._span.start + self._plan.well
        if not await self._send_well(scope, send, offset):
            return False
        while offset < self._span.stop:
            if await disconnected_within(self._plan.seconds, receive):
                return False
            stop = min(offset + _DRIP_BYTES, self._span.stop)
            for piece in self._body.pieces(offset, stop):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                self._sent(len(piece))
            offset = stop
        return not transport_of(scope).is_closing()
