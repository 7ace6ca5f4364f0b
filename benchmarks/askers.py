"""Sends prepared requests over a number of connections at once, and times each answer."""

import asyncio
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks.errors import NotFinishedError

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass
class Asked:
    """What came of it: the seconds of each answer, and of all."""

    seconds: float = 0.0
    answers: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.answers) / self.seconds


def prepared(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """A POST as it goes over the wire."""
    lines = {
        "host": "127.0.0.1",
        "content-type": "application/json",
        "content-length": str(len(body)),
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


async def ask(port: int, requests: Iterator[bytes], *, connections: int, seconds: float) -> Asked:
    """Keep each connection busy for so long. Raises NotFinishedError where an answer is not 2xx."""
    asked = Asked()
    began = time.perf_counter()
    end = began + seconds

    async def keep_asking() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while (sent := time.perf_counter()) < end:
                writer.write(next(requests))
                await _answer(reader)
                asked.answers.append(time.perf_counter() - sent)
        finally:
            writer.close()
            await writer.wait_closed()

    await asyncio.gather(*(keep_asking() for _ in range(connections)))
    asked.seconds = time.perf_counter() - began
    return asked


async def _answer(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    body = await reader.readexactly(int(length[1]) if length else 0)
    if head[9:10] != b"2":
        raise NotFinishedError(f"{head[:200]!r} {body[:200]!r}")
