"""Sends an odd body past the server's own framing, which would mend it."""

import hashlib

from starlette.types import Receive, Scope, Send

from sandbox.connections import cut, transport_of
from sandbox.odd_bodies import OddBody


class OddAnswer:
    """Writes the answer to the connection as it stands, and closes it."""

    def __init__(self, body: OddBody) -> None:
        """Prepare the answer; a body without an entity tag of its own gets a strong one."""
        self._body = body
        self.status_code = body.status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        del send
        body = self._body
        etag = body.etag or f'"{hashlib.sha256(body.content).hexdigest()[:32]}"'
        headers = {"Content-Type": "text/csv", "ETag": etag, "Connection": "close", **body.headers}
        if body.length is not None:
            headers["Content-Length"] = str(body.length)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        transport_of(scope).write(f"HTTP/1.1 {body.status} Odd\r\n{lines}\r\n".encode("latin-1") + body.content)
        await cut(scope, receive, reset=False)
