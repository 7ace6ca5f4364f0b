"""Carries httpx requests over aiohttp's connections, which cost a third of the CPU of httpx's own."""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cache

import aiohttp
import httpx
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.tracing import Trace
from yarl import URL

from landfall import __version__
from landfall.net.guard import PublicResolver, refuse_private_literal

HEADERS = {"accept": "*/*", "accept-encoding": "identity", "user-agent": f"landfall/{__version__}"}
"""What every request of ours says, beside its own headers."""

_PIECE_BYTES = 1 << 18
_KEEP_SECONDS = 4.0
_HEADER_BYTES = 64 << 10

# The first that fits. What is not sure to have failed before the request was sent must not look as if it had.
_MEANINGS: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (aiohttp.InvalidURL, httpx.UnsupportedProtocol),
    (aiohttp.NonHttpUrlClientError, httpx.UnsupportedProtocol),
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.ServerTimeoutError, httpx.ReadTimeout),
    (aiohttp.ClientPayloadError, httpx.ReadError),
    (aiohttp.ClientOSError, httpx.ReadError),
    (aiohttp.ClientError, httpx.RemoteProtocolError),
    (OSError, httpx.ReadError),
    # A host that no name can be: a label of it is empty or too long.
    (UnicodeError, httpx.UnsupportedProtocol),
)


@cache
def tls() -> ssl.SSLContext:
    """The one TLS context of the process: making one takes 25 ms and half a megabyte."""
    return httpx.create_ssl_context(trust_env=False)


class Carrier(httpx.AsyncBaseTransport):
    """A connection pool of any size, for all accounts and hosts of a process; its users bound their requests.

    Follows no redirect, keeps no cookie, unpacks nothing, and reads neither proxies nor credentials from the
    environment. Takes the `connect` and `read` timeouts of httpx; `connect` covers name, TCP and TLS together.
    A POST that broke off is not sent again: it may have taken effect. With `public_only` no connection is opened to
    an address that is not public.
    """

    def __init__(self, *, public_only: bool = False) -> None:
        """Open nothing yet."""
        self._public_only = public_only
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request whose content is held in memory.

        Raises httpx.TransportError; with `public_only` also DownloadRefused, with nothing sent.
        """
        timeout = request.extensions.get("timeout", {})
        with _as_httpx_errors():
            # As it stands: a signed URL that is quoted anew is another URL.
            url = URL(str(request.url), encoded=True)
            if self._public_only:
                # A host that is an address goes past the resolver.
                refuse_private_literal(url.raw_host or "")
            answer = await self._pool().request(
                request.method,
                url,
                headers=request.headers.multi_items(),
                data=request.content or None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(connect=timeout.get("connect"), sock_read=timeout.get("read")),
            )
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer), request=request)

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session:
            await self._session.close()

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=_Connector(
                    limit=0,
                    ssl=tls(),
                    keepalive_timeout=_KEEP_SECONDS,
                    resolver=PublicResolver() if self._public_only else None,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                read_bufsize=_PIECE_BYTES,
                max_line_size=_HEADER_BYTES,
                max_field_size=_HEADER_BYTES,
            )
        return self._session


class _Connector(aiohttp.TCPConnector):
    """Uses no connection again on which something came while nobody had asked: it would be taken for the next answer."""

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the signature is aiohttp's
    ) -> Connection:
        while True:
            connection = await super().connect(req, traces, timeout)
            if connection.protocol is None or not connection.protocol.should_close:
                return connection
            connection.close()


class _Body(httpx.AsyncByteStream):
    """The body as it comes; a connection is used again only where the body was read to its end.

    Raises httpx.RemoteProtocolError where bytes came beyond the announced end, as far as they came with the last ones.
    """

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        # None where the whole body has come with its head.
        self._protocol = answer.connection.protocol if answer.connection else None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx_errors():
            async for piece in self._answer.content.iter_any():
                yield piece
        if self._protocol is not None and isinstance(self._protocol.exception(), HttpProcessingError):
            raise httpx.RemoteProtocolError("BytesBeyondTheEnd")

    async def aclose(self) -> None:
        self._answer.release()


@contextmanager
def _as_httpx_errors() -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, OSError, UnicodeError) as error:
        meaning = next(meaning for kind, meaning in _MEANINGS if isinstance(error, kind))
        # Its own text may hold the whole URL.
        raise meaning(type(error).__name__) from None
