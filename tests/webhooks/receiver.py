"""Receives webhooks on loopback, as their owner's server would, and answers as it is told to."""

import base64
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

PATIENCE_SECONDS = 30.0
SECRET = "whsec_" + base64.b64encode(b"PlantedWebhookSecret-" + b"1" * 12).decode()
OTHER_SECRET = "whsec_" + base64.b64encode(b"PlantedWebhookSecret-" + b"2" * 12).decode()


@dataclass(frozen=True)
class Got:
    """One request as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str = SECRET) -> dict[str, Any]:
        """The payload; raises where the library finds no good signature."""
        return dict(Webhook(secret).verify(self.body, dict(self.headers)))


@dataclass
class Reply:
    """An answer, to this delivery alone where `to` names one; `held` keeps it back until it is set."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    held: threading.Event | None = None
    to: str | None = None


@dataclass
class Receiver:
    """What came, and what is answered: the `replies` in turn, then 204."""

    url: str
    got: list[Got] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, got: Got) -> Reply:
        with self.lock:
            self.got.append(got)
            reply = next((each for each in self.replies if each.to in {None, got.id}), None)
            if reply is None:
                return Reply()
            self.replies.remove(reply)
            return reply


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Listen until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers["content-length"]))
            reply = found.take(Got(self.path, headers, body))
            if reply.held:
                reply.held.wait(PATIENCE_SECONDS)
            try:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)
            except OSError:
                pass  # whoever sent it has gone

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Receiver(f"http://127.0.0.1:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
