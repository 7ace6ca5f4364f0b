"""Carries the client's requests over httpx, and keeps what they hold secret out of its log."""

import logging
import os
import re
import ssl
from collections.abc import Iterator

import httpx

from landfall_client import __version__
from landfall_client.effects import Head, Request
from landfall_client.errors import NoAnswer
from landfall_client.place import Place

# An idle connection is let go before the API does so (5 s): else a request might meet its end.
LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=3.0)
LOOPBACK = tuple(f"all://{host}" for host in ("127.0.0.1", "localhost", "[::1]"))
_SIGNED = re.compile(r"(?i)((?:x-amz-|x-goog-)[a-z-]+|[a-z]*signature|sig)=[^&\s'\"]+")


class HttpxStream:
    """An answer that was opened."""

    def __init__(self, response: httpx.Response) -> None:
        """Read from the response."""
        self.head = head_of(response)
        self._response = response
        self._pieces: Iterator[bytes] = response.iter_raw()

    def read(self) -> bytes:
        """The next bytes as they come, none at the end. Raises NoAnswer."""
        try:
            return next(self._pieces, b"")
        except (httpx.TransportError, httpx.StreamError):
            raise NoAnswer(NoAnswer.BROKE) from None

    def close(self) -> None:
        """Give the connection back, or end it where there is more to come."""
        self._response.close()


class HttpxCarrier:
    """Carries requests by an httpx.Client: its user's, or one of its own for each process."""

    def __init__(self, place: Place, http: httpx.Client | None) -> None:
        """Send to this place."""
        self._place = place
        self._is_ours = http is None
        self._http = http or new_http(place.timeout)
        self._process = os.getpid()
        self._inherited: list[httpx.Client] = []

    def open(self, request: Request) -> HttpxStream:
        """Send and wait for the head of the answer. Raises NoAnswer."""
        try:
            http = self._of_this_process()
            built = httpx_request(self._place, request, http.timeout)
            return HttpxStream(http.send(built, stream=True, auth=None, follow_redirects=False))
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise NoAnswer(why(error)) from None

    def close(self) -> None:
        """End the connections that are ours."""
        if self._is_ours:
            self._http.close()

    def _of_this_process(self) -> httpx.Client:
        if self._is_ours and self._process != os.getpid():
            # A process that was forked off would read answers meant for its parent: it leaves those connections alone.
            self._inherited.append(self._http)
            self._http, self._process = new_http(self._place.timeout), os.getpid()
        return self._http


def new_http(timeout: float) -> httpx.Client:
    """Connections of our own; `timeout` in seconds is for each wait, and this machine is asked without a proxy."""
    return httpx.Client(timeout=timeouts(timeout), limits=LIMITS, mounts=dict.fromkeys(LOOPBACK))


def timeouts(timeout: float) -> httpx.Timeout:
    """How long to wait for a connection and for each piece; for a free place in the pool as long as it takes."""
    return httpx.Timeout(timeout, pool=None)


def httpx_request(place: Place, request: Request, usual: httpx.Timeout) -> httpx.Request:
    """The request as httpx sends it, with waits of the usual length at most. Raises httpx.InvalidURL."""
    waits = {name: _shorter(seconds, request.at_most) for name, seconds in usual.as_dict().items()}
    if request.site is None:
        key = {"Authorization": f"Bearer {place.key}"} if place.key else {}
        headers = {"User-Agent": f"landfall-client/{__version__}", **request.headers, **key}
        url = place.url + request.target
        return httpx.Request(request.method, url, headers=headers, content=request.body, extensions={"timeout": waits})
    # httpx tells addresses in its log, and writes some of what is quoted in another way: this one's query is a key to
    # the file, and signed as it stands. It goes beside the address.
    extensions = {"target": request.target.encode("ascii"), "timeout": waits}
    return httpx.Request(request.method, request.site, headers=request.headers, extensions=extensions)


def head_of(response: httpx.Response) -> Head:
    """What the answer begins with."""
    return Head(response.status_code, {name.lower(): value for name, value in response.headers.items()})


def why(error: Exception) -> str:
    """Why no answer came."""
    if isinstance(error, httpx.ConnectError) and isinstance(_root(error), ssl.SSLCertVerificationError):
        return NoAnswer.UNTRUSTED
    if isinstance(error, httpx.ConnectError | httpx.UnsupportedProtocol | httpx.InvalidURL | httpx.ProxyError):
        return NoAnswer.REFUSED
    return NoAnswer.LATE if isinstance(error, httpx.TimeoutException) else NoAnswer.BROKE


def _shorter(usual: float | None, at_most: float | None) -> float | None:
    return usual if at_most is None else at_most if usual is None else min(usual, at_most)


def _root(error: BaseException) -> BaseException:
    while deeper := error.__cause__ or error.__context__:
        error = deeper
    return error


def _without_links(record: logging.LogRecord) -> bool:
    """Mask signatures in what httpcore tells at DEBUG: the headers of an answer that redirects hold a signed link."""
    if isinstance(record.msg, str) and "=" in record.msg:
        record.msg = _SIGNED.sub(r"\1=…", record.msg)
    return True


logging.getLogger("httpcore.http11").addFilter(_without_links)
