"""Asks a download host for a file and follows its redirects, each of which is checked as the link was."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from fnmatch import fnmatchcase

import httpx

from landfall.exports.errors import DownloadRefused, TransferBroken
from landfall.net.carrier import HEADERS, Carrier
from landfall.vendors.account import Account
from worker.transfer.patience import BrokeOff, Patience

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5


class Asker:
    """Asks on behalf of one account, without any of its credentials."""

    def __init__(self, account: Account, carrier: Carrier, patience: Patience) -> None:
        """Ask by `carrier`, which has to be one for public hosts only unless the account allows private ones."""
        self._hosts = tuple(pattern.lower() for pattern in account.download_hosts)
        self._plain_allowed = account.private_hosts_allowed
        self._carrier = carrier
        self._patience = patience
        self._timeout = {"connect": patience.connect, "read": patience.silence}

    @asynccontextmanager
    async def asked(self, link: str, headers: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        """The answer behind every redirect. Raises DownloadRefused, BrokeOff or TransferBroken."""
        response = await self._ask(parsed(link), headers)
        try:
            yield response
        finally:
            await response.aclose()

    async def _ask(self, url: httpx.URL, headers: Mapping[str, str]) -> httpx.Response:
        for _ in range(_MOST_REDIRECTS + 1):
            self.check(url)
            response = await self._send(url, headers)
            if response.status_code not in _REDIRECTS:
                return response
            await response.aclose()
            url = redirected(url, response.headers.get("location", ""))
        raise TransferBroken(f"the download link is redirected more than {_MOST_REDIRECTS} times")

    async def _send(self, url: httpx.URL, headers: Mapping[str, str]) -> httpx.Response:
        try:
            request = httpx.Request("GET", url, headers={**HEADERS, **headers}, extensions={"timeout": self._timeout})
            # Silence alone bounds no head that comes byte by byte.
            async with asyncio.timeout(self._patience.connect + self._patience.silence):
                return await self._carrier.handle_async_request(request)
        except (httpx.HTTPError, TimeoutError) as error:
            # The error's own text may hold the signed URL.
            raise BrokeOff(f"{_host(url)} cannot be reached ({type(error).__name__})") from None
        except UnicodeError:
            raise TransferBroken(f"{_host(url)} is no name that a host can have") from None

    def check(self, url: httpx.URL) -> None:
        """Raise DownloadRefused where the account does not allow the address as it is written."""
        host = _host(url)
        if url.userinfo:
            raise DownloadRefused(f"the link to {host} holds a user name")
        if url.scheme != "https" and not (url.scheme == "http" and self._plain_allowed):
            raise DownloadRefused(f"the link to {host} is not https")
        if self._hosts and not any(fnmatchcase(host, pattern) for pattern in self._hosts):
            raise DownloadRefused(f"{host} is not among the account's download_hosts")


def redirected(url: httpx.URL, location: str) -> httpx.URL:
    """Where a redirect from `url` leads. Raises TransferBroken, DownloadRefused where it gives up https."""
    if not location:
        raise TransferBroken(f"{_host(url)} redirects without saying where to")
    try:
        target = url.join(location)
    except httpx.InvalidURL:
        raise TransferBroken(f"{_host(url)} redirects to what is no address") from None
    if url.scheme == "https" and target.scheme != "https":
        raise DownloadRefused(f"{_host(url)} redirects from https to {_host(target)} without it")
    return target.copy_with(fragment=None)


def _host(url: httpx.URL) -> str:
    """As it is sent: httpx reads Punycode back, and raises UnicodeError at a host that only looks like it."""
    return url.raw_host.decode("ascii")


def parsed(link: str) -> httpx.URL:
    """The address that a link is. Raises TransferBroken."""
    try:
        return httpx.URL(link)
    except httpx.InvalidURL:
        raise TransferBroken("the download link is no address") from None
