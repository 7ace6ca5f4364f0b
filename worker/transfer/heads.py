"""Reads the head of a download host's answer: what it is, how long it is, and what it proves."""

import asyncio
import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from landfall.exports.errors import LinkExpired, ReportLost, TransferBroken
from landfall.vendors.retry_after import retry_after
from worker.transfer.checksums import announced
from worker.transfer.patience import BrokeOff

_NO_CSV = frozenset({"text/html", "application/json", "application/xml", "text/xml"})
_PASSING = frozenset({500, 502, 503, 504})
_EXPLANATION_BYTES = 4096
_EXPLANATION_SECONDS = 10.0
_STRONG_TAG = re.compile(r'"[\x21\x23-\x7e]{1,254}"')
_SPAN = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes from offset `start` up to, not including, `stop`, of `total` where that is known."""

    start: int
    stop: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a 200, 206 or 416.

    `encoding` is None where the body is the file as it stands. `length` is that of the body as it travels, None where
    it is not announced; `framed` says whether the end of the body can be told from a cut. `tag` is the strong ETag.
    """

    status: int
    encoding: str | None
    length: int | None
    framed: bool
    tag: str | None
    span: Span | None
    checksums: Mapping[str, bytes]


async def read_head(response: httpx.Response) -> Head:
    """Read the head. Raises LinkExpired, ReportLost or TransferBroken where no file comes with it."""
    await _check_status(response)
    headers = response.headers
    chunked = "chunked" in headers.get("transfer-encoding", "").lower()
    length = None if chunked else _number(headers.get("content-length", ""))
    encoding = headers.get("content-encoding", "").strip().lower()
    return Head(
        status=response.status_code,
        encoding=None if encoding in {"", "identity"} else encoding,
        length=length,
        framed=chunked or length is not None,
        tag=_strong(headers.get("etag", "")),
        span=_span(headers.get("content-range", "")),
        checksums=announced(headers),
    )


async def _check_status(response: httpx.Response) -> None:
    status = response.status_code
    match status:
        case 200 | 206:
            _check_kind(response)
        case 401 | 403:
            raise LinkExpired(f"the download host no longer takes the link ({status})")
        case 400 if await _tells_of_expiry(response):
            raise LinkExpired("the download host no longer takes the link (400, ExpiredToken)")
        case 404 | 410:
            raise ReportLost(f"the file is gone from the download host ({status})")
        case 416:
            pass
        case _:
            _refuse_status(response)


def _refuse_status(response: httpx.Response) -> None:
    message = f"the download host answered {response.status_code}"
    delay = retry_after(response.headers.get("retry-after"), now=datetime.now(UTC))
    if delay is None and response.status_code in _PASSING:
        raise BrokeOff(message)
    raise TransferBroken(message, delay=delay)


def _check_kind(response: httpx.Response) -> None:
    """Refuse what says of itself that it is no CSV: an error page that came with 200."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in _NO_CSV or kind.endswith(("+json", "+xml")):
        raise TransferBroken(f"{kind[:60]} came instead of a CSV file")


async def _tells_of_expiry(response: httpx.Response) -> bool:
    """Google's storage, and S3 where the signer's session has ended, answer an expired link with 400."""
    body = bytearray()
    with contextlib.suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(_EXPLANATION_SECONDS):
            async for piece in response.aiter_raw():
                body += piece
                if len(body) >= _EXPLANATION_BYTES:
                    break
    return b"<Code>ExpiredToken</Code>" in body


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def _strong(tag: str) -> str | None:
    """The tag, where it proves equality byte by byte (RFC 9110, 8.8.3) and is written as it should be."""
    return tag if _STRONG_TAG.fullmatch(tag.strip()) else None


def _span(text: str) -> Span | None:
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        return None
    start, last, total = match.groups()
    return Span(int(start), int(last) + 1, None if total == "*" else int(total))
