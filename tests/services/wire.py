"""Stands between a client and any server, as a network does that stalls, hangs up or loses an answer."""

import random
import socket
import threading
import time
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field

from tests.services.between import Between, standing

_READ = 1 << 16


@dataclass
class _Link:
    """One client's connection and the server's for it; nothing passes while `open` is not set."""

    client: socket.socket
    server: socket.socket
    open: threading.Event
    answer_lost: bool = False

    def hang_up(self) -> None:
        for end in (self.client, self.server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.open.set()


@dataclass
class Loss:
    """Of the requests that hold these bytes, the answer to each with this chance is lost, `times` times at most."""

    request: bytes
    chance: float
    times: int
    rng: random.Random


@dataclass
class Wire(Between):
    """Carries bytes between its clients and a port of this machine.

    `lost` are the moments at which an answer was lost. A request that holds `last_words` is the last that passes.
    """

    lost: list[float] = field(default_factory=list)
    loss: Loss | None = None
    last_words: bytes = b""
    _links: list[_Link] = field(default_factory=list)
    _passes: bool = True
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def silence(self, *, new_too: bool) -> int:
        """Let nothing pass, in either direction, and hang up on nobody; returns on how many connections.

        Connections that are made later pass, unless `new_too`.
        """
        with self._lock:
            self._passes = not new_too
            for link in self._links:
                link.open.clear()
            return len(self._links)

    def heal(self) -> None:
        """Let everything pass, also what was held back."""
        with self._lock:
            self._passes = True
            for link in self._links:
                link.open.set()

    def let_go(self) -> None:
        """Hang up on everybody."""
        with self._lock:
            links, self._links = self._links, []
        for link in links:
            link.hang_up()

    def attend(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(("127.0.0.1", self.upstream)) as server:
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = _Link(client, server, threading.Event())
            with self._lock:
                self._links.append(link)
                if self._passes:
                    link.open.set()
            answering = threading.Thread(target=self._carry_answers, args=(link,), daemon=True)
            answering.start()
            try:
                self._carry_requests(link)
            finally:
                link.hang_up()
                answering.join()
                with self._lock, suppress(ValueError):
                    self._links.remove(link)

    def _carry_requests(self, link: _Link) -> None:
        while chunk := link.client.recv(_READ):
            link.open.wait()
            if self._is_to_be_lost(chunk):
                link.answer_lost = True
            link.server.sendall(chunk)
            if self.last_words and self.last_words in chunk:
                self.last_words = b""
                self.silence(new_too=True)

    def _carry_answers(self, link: _Link) -> None:
        with suppress(OSError):
            while chunk := link.server.recv(_READ):
                link.open.wait()
                if link.answer_lost:
                    self.lost.append(time.time())
                    break
                link.client.sendall(chunk)
        link.hang_up()

    def _is_to_be_lost(self, chunk: bytes) -> bool:
        with self._lock:
            loss = self.loss
            if loss is None or loss.request not in chunk or not loss.times or loss.rng.random() >= loss.chance:
                return False
            loss.times -= 1
            return True


def running_wire(upstream: int) -> AbstractContextManager[Wire]:
    """Stand before a port of this machine until the block ends."""
    return standing(Wire, upstream)
