"""Carries httpx requests over aiohttp's connections, which cost a third of the CPU of httpx's own."""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cache

import aiohttp
import httpx
from yarl import URL

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
)


@cache
def tls() -> ssl.SSLContext:
    """The one TLS context of the process: making one takes 25 ms and half a megabyte."""
    return httpx.create_ssl_context(trust_env=False)


class Carrier(httpx.AsyncBaseTransport):
    """A connection pool of any size, for all accounts and hosts of a process; its users bound their requests.

    Follows no redirect, keeps no cookie, unpacks nothing, and reads neither proxies nor credentials from the
    environment. Takes the `connect` and `read` timeouts of httpx; `connect` covers name, TCP and TLS together.
    A POST that broke off is not sent again: it may have taken effect.
    """

    def __init__(self) -> None:
        """Open nothing yet."""
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request whose content is held in memory. Raises httpx.TransportError."""
        timeout = request.extensions.get("timeout", {})
        with _as_httpx_errors():
            answer = await self._pool().request(
                request.method,
                # As it stands: a signed URL that is quoted anew is another URL.
                URL(str(request.url), encoded=True),
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
                connector=aiohttp.TCPConnector(limit=0, ssl=tls(), keepalive_timeout=_KEEP_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                read_bufsize=_PIECE_BYTES,
                max_line_size=_HEADER_BYTES,
                max_field_size=_HEADER_BYTES,
            )
        return self._session


class _Body(httpx.AsyncByteStream):
    """The body as it comes; a connection is used again only where the body was read to its end."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx_errors():
            async for piece in self._answer.content.iter_any():
                yield piece

    async def aclose(self) -> None:
        self._answer.release()


@contextmanager
def _as_httpx_errors() -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, OSError) as error:
        meaning = next(meaning for kind, meaning in _MEANINGS if isinstance(error, kind))
        # Its own text may hold the whole URL.
        raise meaning(type(error).__name__) from None
