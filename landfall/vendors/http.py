"""Carries requests to vendors over httpx and turns its faults into our errors: the one place that knows both."""

import asyncio
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import httpx

from landfall.exports.errors import AnswerLost, VendorUnreachable
from landfall.net.carrier import HEADERS, Carrier
from landfall.tracing.calls import answered, calling

MAX_ANSWER_BYTES = 4 << 20

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL)
_parsed = lru_cache(maxsize=1024)(httpx.URL)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer: `headers` with lower-case names, `body` of at most MAX_ANSWER_BYTES."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json_object(self) -> dict[str, Any] | None:
        """The body as a JSON object, or None where it is anything else."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None


class VendorHttp:
    """HTTP to one vendor account; a `carrier` given is shared with others, and theirs to close."""

    def __init__(self, *, timeout: float, carrier: Carrier | None = None) -> None:
        """Give each request `timeout` seconds in all; environment proxies and redirects are ignored on purpose."""
        self._timeout = timeout
        # Name, TCP and TLS together end before the whole does: "not sent" is never mistaken for "lost".
        self._extensions = {"timeout": {"connect": min(timeout / 4, 10.0)}}
        self._carrier = carrier or Carrier()
        self._own = carrier is None

    async def post(
        self,
        url: str,
        *,
        operation: str = "request",
        headers: Mapping[str, str] | None = None,
        json: Any = None,  # noqa: ANN401 - any JSON value
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """POST and read the whole answer; `operation` is the vendor's name for what is asked, in traces.

        Raises VendorUnreachable where the request was certainly not sent, AnswerLost where it may have been.
        """
        host = "the address in base_url"
        try:
            request = httpx.Request(
                "POST",
                _parsed(url),
                headers=HEADERS | dict(headers or {}),
                json=json,
                data=form,
                extensions=self._extensions,
            )
            host = request.url.host
            with calling("POST", request.url, operation, path=True) as span:
                async with asyncio.timeout(self._timeout):
                    answer = await self._send(request)
                answered(span, answer.status)
        except _NOT_SENT as error:
            raise VendorUnreachable(f"{host} cannot be reached ({type(error).__name__})") from None
        except (httpx.TimeoutException, TimeoutError):
            raise AnswerLost(f"{host} did not answer in time") from None
        except (httpx.HTTPError, zlib.error) as error:
            raise AnswerLost(f"the connection to {host} broke ({type(error).__name__})") from None
        return answer

    async def _send(self, request: httpx.Request) -> Answer:
        response = await self._carrier.handle_async_request(request)
        try:
            return Answer(response.status_code, dict(response.headers), await _whole_body(response))
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        """Close the connections, unless they are shared."""
        if self._own:
            await self._carrier.aclose()


async def _whole_body(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        _check_size(response, len(body))
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding == "identity":
        return bytes(body)
    if encoding not in {"gzip", "deflate"}:
        raise AnswerLost(f"{response.url.host} answered in the encoding {encoding[:20]!r}, which was not asked for")
    return _inflated(response, bytes(body))


def _inflated(response: httpx.Response, packed: bytes) -> bytes:
    """Unpack what a gateway compressed unasked; httpx itself accepts a stream that was cut, and bombs."""
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    plain = inflater.decompress(packed, MAX_ANSWER_BYTES + 1)
    _check_size(response, len(plain))
    if not inflater.eof:
        raise AnswerLost(f"the compressed answer of {response.url.host} ended early")
    return plain


def _check_size(response: httpx.Response, size: int) -> None:
    if size > MAX_ANSWER_BYTES:
        raise AnswerLost(f"{response.url.host} answered with more than {MAX_ANSWER_BYTES >> 20} MiB")
