"""Serves, over a real socket, the answers that no well-behaved server gives."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(self.body.decode()).items()}


@dataclass(frozen=True)
class Scripted:
    """An answer as raw bytes; `stall` keeps the connection open and silent after them, else it is closed."""

    raw: bytes = b""
    stall: bool = False


def answer(status: int = 200, body: Any = b"", headers: Mapping[str, str] | None = None) -> Scripted:
    """A whole HTTP answer; a body that is not bytes goes as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"content-length": str(len(content)), "connection": "close", **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return Scripted(f"HTTP/1.1 {status} Odd\r\n{head}\r\n".encode() + content)


class OddServer:
    """Answers each path with its script, one answer a request; the last one is repeated."""

    def __init__(self, *everywhere: Scripted, **by_last_part: list[Scripted]) -> None:
        """Take the script for every path, or one for each last part of a path (`token=[...]`)."""
        self._scripts = {name: list(script) for name, script in by_last_part.items()}
        self._everywhere = list(everywhere)
        self.asked: list[Asked] = []
        self.url = ""

    async def __aenter__(self) -> Self:
        """Listen on a free port."""
        self._stop = asyncio.Event()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of stalled connections and stop listening."""
        self._stop.set()
        self._server.close()

    def asked_for(self, last_part: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.path.endswith(f"/{last_part}")]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await _read_request(reader)
        self.asked.append(asked)
        script = self._scripts.get(asked.path.rsplit("/", 1)[-1], self._everywhere)
        scripted = script.pop(0) if len(script) > 1 else script[0]
        writer.write(scripted.raw)
        await writer.drain()
        if scripted.stall:
            await self._stop.wait()
        writer.close()


async def _read_request(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(head[0].split(" ")[1], headers, body)
