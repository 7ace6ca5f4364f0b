"""Carries requests over the standard library, each over a connection of its own.

It stands here instead of httpx, which landfall_client uses for others, because every command waits for its imports.
"""

import contextlib
import http.client
import ssl
from urllib.parse import urlsplit

from landfall_client.effects import Head, Request
from landfall_client.errors import NoAnswer
from landfall_client.place import Place

_PIECE_BYTES = 1 << 20


class PlainStream:
    """An answer that was opened."""

    def __init__(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        """Read from the response."""
        self.head = Head(response.status, {name.lower(): value for name, value in response.getheaders()})
        self._connection = connection
        self._response = response
        self._left = response.length  # counted here: read1 of early Python 3.11 releases leaves it as it is

    def read(self) -> bytes:
        """The next bytes as they come, none at the end. Raises NoAnswer."""
        if self._left == 0:
            return b""
        try:
            piece = self._response.read1(_PIECE_BYTES if self._left is None else min(self._left, _PIECE_BYTES))
        except (OSError, http.client.HTTPException):
            raise NoAnswer(NoAnswer.BROKE) from None
        if not piece and self._left:
            raise NoAnswer(NoAnswer.BROKE)
        self._left = None if self._left is None else self._left - len(piece)
        return piece

    def close(self) -> None:
        """End the connection."""
        self._response.close()
        self._connection.close()


class PlainCarrier:
    """Carries requests by http.client; `timeout` in seconds is for each wait."""

    def __init__(self, place: Place) -> None:
        """Send to this place."""
        self.timeout = place.timeout
        self._place = place

    def open(self, request: Request) -> PlainStream:
        """Send and wait for the head of the answer. Raises NoAnswer."""
        parts = urlsplit(request.site or self._place.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        seconds = self.timeout if request.at_most is None else min(self.timeout, request.at_most)
        connection = kind(parts.hostname or "", parts.port, timeout=seconds)
        headers = dict(request.headers)
        if request.site is None and self._place.key:
            headers["Authorization"] = f"Bearer {self._place.key}"
        with contextlib.ExitStack() as stack:
            stack.callback(connection.close)
            try:
                connection.request(request.method, parts.path + request.target, request.body, headers)
                response = connection.getresponse()
            except ssl.SSLCertVerificationError:
                raise NoAnswer(NoAnswer.UNTRUSTED) from None
            except TimeoutError:
                raise NoAnswer(NoAnswer.LATE) from None
            except (OSError, http.client.HTTPException):
                raise NoAnswer(NoAnswer.REFUSED) from None
            stack.pop_all()
        return PlainStream(connection, response)
