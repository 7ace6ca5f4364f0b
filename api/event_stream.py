"""Answers with server-sent events, as the HTML standard (9.2) has them, and leaves a client that does not read.

A library for it (sse-starlette) was looked at: it replaces parts of uvicorn to hear of its stop, and leaves open what
is hard here, which is to lose nothing and to let no slow client grow a queue. What remains is these few lines.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Message, Send

from api.media_ranges import Accepted
from landfall.log import get_logger

MEDIA_TYPE = "text/event-stream"
_UNREAD_SECONDS = 30.0
_log = get_logger(__name__)


class EventStream(StreamingResponse):
    """A stream of pieces, each one or more whole events; it ends when the client has not read for half a minute."""

    media_type = MEDIA_TYPE

    def __init__(self, pieces: AsyncGenerator[bytes, None]) -> None:
        """Send these pieces."""
        super().__init__(pieces)
        self._pieces = pieces
        headers = MutableHeaders(raw=self.raw_headers)
        headers["cache-control"] = "no-store"
        headers["vary"] = "accept"
        # nginx would keep events back until its buffer is full.
        headers["x-accel-buffering"] = "no"

    async def stream_response(self, send: Send) -> None:
        """Send until the pieces end, or the client has left."""

        async def send_soon(message: Message) -> None:
            async with asyncio.timeout(_UNREAD_SECONDS):
                await send(message)

        try:
            async with aclosing(self._pieces):
                await super().stream_response(send_soon)
        except TimeoutError:
            _log.info("a listener that does not read was left", seconds=_UNREAD_SECONDS)


def takes_stream(request: Request) -> bool:
    """Whether the client takes a stream of events."""
    return Accepted(request.headers).liking(MEDIA_TYPE) > 0


def prefers_stream(request: Request) -> bool:
    """Whether the client asks for a stream of events by name, and likes it no less than JSON."""
    accepted = Accepted(request.headers)
    return 0 < accepted.named(MEDIA_TYPE) >= accepted.named("application/json")


def named_event(name: str, data: str) -> bytes:
    """An event of another name than the usual, which carries no number."""
    return f"event: {name}\ndata: {data}\n\n".encode()
