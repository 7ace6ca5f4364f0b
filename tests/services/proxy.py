"""Stands between a client and a real HTTP server and misbehaves as it is told."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field

from tests.services.between import Between, standing

_READ = 1 << 16
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """The request is taken in and answered with this status; the server never sees it."""

    status: int
    code: str = "InternalError"
    headers: str = ""


@dataclass(frozen=True)
class Cut:
    """The server does as it is asked; its answer is cut after so many bytes."""

    after: int = 0


@dataclass(frozen=True)
class Stall:
    """The server does as it is asked; its answer stops after so many bytes, and nobody hangs up."""

    after: int = 0


@dataclass(frozen=True)
class Blackhole:
    """The request is not even read, and nobody hangs up."""


Fault = Answer | Cut | Stall | Blackhole


@dataclass
class _Rule:
    matches: Callable[[str, str], bool]
    fault: Fault
    times: int


@dataclass
class Proxy(Between):
    """Passes every request on, over a connection of its own, unless a rule says otherwise."""

    seen: list[str] = field(default_factory=list)
    _rules: list[_Rule] = field(default_factory=list)
    _open: list[socket.socket] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fail(self, method: str, holding: str, fault: Fault, *, times: int = 1_000_000) -> None:
        """Apply the fault to the next requests of this method whose target holds the words."""
        with self._lock:
            self._rules.append(_Rule(lambda asked, target: asked == method and holding in target, fault, times))

    def heal(self) -> None:
        """Pass everything on from now on; what hangs is let go."""
        with self._lock:
            self._rules.clear()
        self.let_go()

    def attend(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            self._keep(client)
            head, rest = _read_head(client)
            if not head:
                return
            method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
            self.seen.append(f"{method} {target}")
            fault = self._fault(method, target)
            if isinstance(fault, Blackhole):
                self._hang(client)
                return
            body = _body(client, head, rest)
            if isinstance(fault, Answer):
                for _chunk in body:
                    pass
                client.sendall(_refusal(fault))
                return
            self._pass_on(client, head, body, fault)

    def _pass_on(self, client: socket.socket, head: bytes, body: Iterator[bytes], fault: Cut | Stall | None) -> None:
        with socket.create_connection(("127.0.0.1", self.upstream)) as server:
            self._keep(server)
            # The server hangs up after its answer: the end of it needs no parsing.
            server.sendall(head[:-2] + b"Connection: close\r\n\r\n")
            for chunk in body:
                server.sendall(chunk)
            left = None if fault is None else fault.after
            while chunk := server.recv(_READ):
                if left is not None:
                    chunk, left = chunk[:left], left - len(chunk[:left])
                client.sendall(chunk)  # once the fault has struck, the rest is read and dropped: the server finishes
            if isinstance(fault, Stall):
                self._hang(client)

    def _fault(self, method: str, target: str) -> Fault | None:
        with self._lock:
            for rule in self._rules:
                if rule.times and rule.matches(method, target):
                    rule.times -= 1
                    return rule.fault
        return None

    def _hang(self, client: socket.socket) -> None:
        """Wait until the client gives up or the proxy lets go."""
        while client.recv(_READ):
            pass

    def _keep(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.append(connection)

    def let_go(self) -> None:
        """Hang up on everybody."""
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._open.clear()


def running_proxy(upstream: int) -> AbstractContextManager[Proxy]:
    """Stand before a port of this machine for as long as the block lasts."""
    return standing(Proxy, upstream)


def _read_head(client: socket.socket) -> tuple[bytes, bytes]:
    held = b""
    while b"\r\n\r\n" not in held:
        chunk = client.recv(_READ)
        if not chunk:
            return b"", b""
        held += chunk
    head, rest = held.split(b"\r\n\r\n", 1)
    return head + b"\r\n\r\n", rest


def _body(client: socket.socket, head: bytes, rest: bytes) -> Iterator[bytes]:
    found = _LENGTH.search(head)
    left = (int(found.group(1)) if found else 0) - len(rest)
    if rest:
        yield rest
    while left > 0:
        chunk = client.recv(min(_READ, left))
        if not chunk:
            return
        left -= len(chunk)
        yield chunk


def _refusal(fault: Answer) -> bytes:
    body = f"<Error><Code>{fault.code}</Code><Message>No.</Message></Error>"
    return (
        f"HTTP/1.1 {fault.status} Fault\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n"
        f"{fault.headers}Connection: close\r\n\r\n{body}"
    ).encode()
