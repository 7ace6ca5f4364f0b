"""Listens in front of a port of this machine and attends each client in a thread; what passes is for others to say."""

import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar


@dataclass
class Between(ABC):
    """Whoever stands between clients and a server."""

    upstream: int
    listener: socket.socket

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    @abstractmethod
    def attend(self, client: socket.socket) -> None:
        """See to one client."""

    @abstractmethod
    def let_go(self) -> None:
        """Hang up on everybody."""

    def serve(self) -> None:
        """Attend whoever comes, until it is ended."""
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.attend, args=(client,), daemon=True).start()

    def end(self) -> None:
        """Refuse every connection from now on."""
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.let_go()


AnyBetween = TypeVar("AnyBetween", bound=Between)


@contextmanager
def standing(kind: type[AnyBetween], upstream: int) -> Iterator[AnyBetween]:
    """Stand before a port of this machine until the block ends."""
    between = kind(upstream, socket.create_server(("127.0.0.1", 0), backlog=128))
    accepting = threading.Thread(target=between.serve, daemon=True)
    accepting.start()
    try:
        yield between
    finally:
        between.end()
        accepting.join()
