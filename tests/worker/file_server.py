"""Serves one file over a real socket, well or as badly as a script says."""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

TAG = '"v1"'


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    target: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """An answer: its head, its body in pieces, and what comes after these."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: tuple[bytes, ...] = ()
    stall: bool = False
    drip: bytes = b""


Script = Callable[[Asked], Reply]


def whole(content: bytes, **headers: str) -> Script:
    """The whole file, whatever is asked for; `header_name="value"` adds to its head or, if empty, takes away."""
    lines = {"content-length": str(len(content)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    reply = Reply(headers={name: value for name, value in lines.items() if value}, pieces=(content,))
    return lambda _: reply


def honest(content: bytes, tag: str = TAG, *, upto: int | None = None, stall: bool = False) -> Script:
    """The range that is asked for; `upto` cuts the body before that offset of the file."""

    def reply(asked: Asked) -> Reply:
        match = re.fullmatch(r"bytes=(\d+)-", asked.headers.get("range", ""))
        start = int(match[1]) if match and asked.headers.get("if-range", tag) == tag else None
        headers = {"etag": tag, "content-type": "text/csv"}
        if start is not None and start >= len(content):
            return Reply(416, {"content-range": f"bytes */{len(content)}", "content-length": "0"})
        if start is not None:
            headers["content-range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        headers["content-length"] = str(len(content) - (start or 0))
        return Reply(200 if start is None else 206, headers, (content[start or 0 : upto],), stall=stall)

    return reply


def status(code: int, body: bytes = b"", **headers: str) -> Script:
    """An answer without a file."""
    lines = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Reply(code, {"content-length": str(len(body)), **lines}, (body,) if body else ())


def chunked(*pieces: bytes, end: bool = True, **headers: str) -> Script:
    """A body in HTTP chunks, with or without the last one."""
    parts = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces] + [b"0\r\n\r\n"] * end
    lines = {"transfer-encoding": "chunked", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return lambda _: Reply(200, lines, tuple(parts))


class FileServer:
    """Plays its scripts one after another, the last one for ever."""

    def __init__(self, *scripts: Script) -> None:
        """Take what to play."""
        self._scripts = list(scripts)
        self.asked: list[Asked] = []
        self.url = ""

    async def __aenter__(self) -> Self:
        """Listen on a free port."""
        self._stop = asyncio.Event()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of stalled connections and stop listening."""
        self._stop.set()
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._play(await _read_request(reader), writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _play(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        self.asked.append(asked)
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        reply = script(asked)
        head = "".join(f"{name}: {value}\r\n" for name, value in {"connection": "close", **reply.headers}.items())
        writer.write(f"HTTP/1.1 {reply.status} Scripted\r\n{head}\r\n".encode("latin-1"))
        for piece in reply.pieces:
            writer.write(piece)
            await writer.drain()
        while reply.drip and not self._stop.is_set() and not writer.is_closing():
            writer.write(reply.drip)
            await writer.drain()
            await asyncio.sleep(0.005)
        if reply.stall:
            await self._stop.wait()


async def _read_request(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    lines = (line.partition(":") for line in head[1:] if line)
    return Asked(head[0].split(" ")[1], {name.lower(): value.strip() for name, _, value in lines})
