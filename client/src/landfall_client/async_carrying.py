"""Carries the client's requests over httpx with await."""

from collections.abc import AsyncIterator

import httpx

from landfall_client.carrying import LIMITS, LOOPBACK, head_of, httpx_request, timeouts, why
from landfall_client.effects import Request
from landfall_client.errors import NoAnswer
from landfall_client.place import Place


class AsyncHttpxStream:
    """An answer that was opened."""

    def __init__(self, response: httpx.Response) -> None:
        """Read from the response."""
        self.head = head_of(response)
        self._response = response
        self._pieces: AsyncIterator[bytes] = response.aiter_raw()

    async def read(self) -> bytes:
        """The next bytes as they come, none at the end. Raises NoAnswer."""
        try:
            return await anext(self._pieces, b"")
        except (httpx.TransportError, httpx.StreamError):
            raise NoAnswer(NoAnswer.BROKE) from None

    async def close(self) -> None:
        """Give the connection back, or end it where there is more to come."""
        await self._response.aclose()


class AsyncHttpxCarrier:
    """Carries requests by an httpx.AsyncClient."""

    def __init__(self, place: Place, http: httpx.AsyncClient) -> None:
        """Send to this place."""
        self._place = place
        self._http = http

    async def open(self, request: Request) -> AsyncHttpxStream:
        """Send and wait for the head of the answer. Raises NoAnswer."""
        try:
            built = httpx_request(self._place, request, self._http.timeout)
            return AsyncHttpxStream(await self._http.send(built, stream=True, auth=None, follow_redirects=False))
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise NoAnswer(why(error)) from None


def new_async_http(timeout: float) -> httpx.AsyncClient:
    """Connections of our own, as `new_http` makes them."""
    return httpx.AsyncClient(timeout=timeouts(timeout), limits=LIMITS, mounts=dict.fromkeys(LOOPBACK))
