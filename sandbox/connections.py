"""Lets an answer end its connection the hard way, as broken networks do."""

import asyncio
import contextlib
import fcntl
import socket
import struct
import termios
from typing import cast

from starlette.types import Receive, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_EXTENSION = "sandbox.connection"
_PATIENCE_SECONDS = 5.0


class SandboxProtocol(HttpToolsProtocol):
    """Uvicorn's own HTTP protocol, which also tells the application its transport."""

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope["extensions"] = {_EXTENSION: {"transport": self.transport}}


def transport_of(scope: Scope) -> asyncio.Transport:
    """Return the transport below this request."""
    return cast("asyncio.Transport", scope["extensions"][_EXTENSION]["transport"])


async def disconnected_within(seconds: float, receive: Receive) -> bool:
    """Wait ``seconds``, or less where the client goes away: then True."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


def _unsent(transport: asyncio.Transport) -> int:
    """Count the bytes that the client's machine has not taken yet."""
    with contextlib.suppress(OSError):
        answer = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
        return transport.get_write_buffer_size() + int(struct.unpack("i", answer)[0])
    return transport.get_write_buffer_size()


async def cut(scope: Scope, receive: Receive, *, reset: bool) -> None:
    """End the connection, by a reset or by a plain close, once what was written has arrived."""
    transport = transport_of(scope)
    # A reset throws away what is still under way, and then no client would see the bytes it was promised.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not transport.is_closing() and _unsent(transport):  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.002)
    if reset and not transport.is_closing():
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
    transport.close()
    await disconnected_within(_PATIENCE_SECONDS, receive)
