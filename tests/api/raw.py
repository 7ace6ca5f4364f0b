"""Sends bytes that no HTTP client would, and reads what comes back until the connection ends."""

import json
import re
import socket
from dataclasses import dataclass
from typing import Any

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """One answer as it came; `rest` is what came behind it."""

    status: int
    headers: dict[str, str]
    body: bytes
    rest: bytes

    @property
    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/problem+json"
        found: dict[str, Any] = json.loads(self.body)
        assert found["status"] == self.status
        assert found["request_id"] == self.headers["x-request-id"]
        return found


def head(method: str, path: str, *headers: str, host: str | None = "127.0.0.1") -> bytes:
    named = [f"Host: {host}"] if host else []
    return "\r\n".join([f"{method} {path} HTTP/1.1", *named, *headers, "", ""]).encode("latin-1")


def exchange(port: int, *pieces: bytes, close: bool = False) -> bytes:
    """Send the pieces and read to the end of the connection; `close` ends our side first."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
        for piece in pieces:
            connection.sendall(piece)
        if close:
            connection.shutdown(socket.SHUT_WR)
        return _read(connection)


def ask(port: int, *pieces: bytes, close: bool = False) -> Answer:
    """The same, and the first answer."""
    return first(exchange(port, *pieces, close=close))


def first(data: bytes) -> Answer:
    top, _, rest = data.partition(b"\r\n\r\n")
    status, *lines = top.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", "0"))
    found = re.match(r"HTTP/1\.1 (\d{3}) ", status)
    assert found, data
    return Answer(int(found[1]), headers, rest[:length], rest[length:])


def _read(connection: socket.socket) -> bytes:
    data = bytearray()
    while piece := connection.recv(65536):
        data += piece
    return bytes(data)
