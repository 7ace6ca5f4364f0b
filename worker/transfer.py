"""Downloads a file by its signed link, without vendor credentials and without holding it in memory."""

import asyncio
import contextlib
from collections.abc import Callable
from fnmatch import fnmatch
from urllib.parse import urlsplit

import httpx

from landfall import __version__
from landfall.exports.errors import DownloadRefused, LinkExpired, ReportLost, TransferBroken
from landfall.net.carrier import Carrier
from landfall.vendors.account import Account
from landfall.vendors.vendor import Link

_CHUNK_BYTES = 1 << 20
_TIMEOUT = {"connect": 10.0, "read": 60.0}
_HEADERS = {"accept": "*/*", "accept-encoding": "identity", "user-agent": f"landfall/{__version__}"}
_NO_CSV = frozenset({"text/html", "application/json", "application/problem+json", "application/xml", "text/xml"})

Keep = Callable[[bytes], None]


class Transfer:
    """Downloads of one account, at most `max_downloads` at once in this process."""

    def __init__(self, account: Account, carrier: Carrier) -> None:
        """Open no connection yet."""
        self._account = account
        self._turns = asyncio.Semaphore(account.max_downloads)
        self._carrier = carrier

    def turn(self) -> asyncio.Semaphore:
        """To be held while a link is asked for and used."""
        return self._turns

    async def fetch(self, link: Link, keep: Keep) -> None:
        """Hand the whole body to `keep`, in a thread, in chunks of about 1 MiB.

        Raises LinkExpired, ReportLost, TransferBroken or DownloadRefused; then what was kept is not the whole file.
        """
        self._check(link)
        try:
            request = httpx.Request("GET", link.url, headers=_HEADERS, extensions={"timeout": _TIMEOUT})
            response = await self._carrier.handle_async_request(request)
            async with contextlib.aclosing(response):
                _check_status(response)
                await _copy(response, keep)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # The error's own text may hold the signed URL.
            raise TransferBroken(f"the download broke off ({type(error).__name__})") from None

    def _check(self, link: Link) -> None:
        parts = urlsplit(link.url)
        host = parts.hostname or ""
        allowed = self._account.download_hosts
        if parts.scheme != "https" and not (parts.scheme == "http" and self._account.private_hosts_allowed):
            raise DownloadRefused(f"the link to {host} is not https")
        if allowed and not any(fnmatch(host, pattern.lower()) for pattern in allowed):
            raise DownloadRefused(f"{host} is not among the account's download_hosts")


async def _copy(response: httpx.Response, keep: Keep) -> None:
    held = bytearray()
    first = True
    async for piece in response.aiter_bytes():
        held += piece
        if len(held) < _CHUNK_BYTES:
            continue
        first = await _hand_over(held, keep, first=first)
    if held:
        await _hand_over(held, keep, first=first)
    announced = response.headers.get("content-length")
    if announced is not None and response.num_bytes_downloaded != int(announced):
        raise TransferBroken(f"the file ended after {response.num_bytes_downloaded} of {announced} bytes")


async def _hand_over(held: bytearray, keep: Keep, *, first: bool) -> bool:
    chunk = bytes(held)
    held.clear()
    if first and chunk.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise TransferBroken("a page came instead of a CSV file")
    await asyncio.to_thread(keep, chunk)
    return False


def _check_kind(response: httpx.Response) -> None:
    """Refuse what says of itself that it is no CSV: an error page that came with 200."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in _NO_CSV:
        raise TransferBroken(f"{kind} came instead of a CSV file")


def _check_status(response: httpx.Response) -> None:
    match response.status_code:
        case 200:
            _check_kind(response)
        case 403:
            raise LinkExpired("the download host no longer takes the link (403)")
        case 404 | 410:
            raise ReportLost(f"the file is gone from the download host ({response.status_code})")
        case status:
            raise TransferBroken(f"the download host answered {status}")
