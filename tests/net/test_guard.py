"""Promises of which addresses a carrier for public hosts only connects to."""

import socket
from ipaddress import ip_address

import httpx
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from landfall.exports.errors import DownloadRefused
from landfall.net.carrier import Carrier
from landfall.net.guard import PublicResolver, is_public
from tests.asynchronous import run

PUBLIC = ["93.184.215.14", "1.1.1.1", "52.216.0.1", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "2a00:1450:4001::1"]
NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104 - to be refused
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:1.1.1.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:20::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]
# Hosts that are one of these in disguise; the last are what the parts that read a URL may disagree about.
DISGUISED = [
    "127.1",
    "127.0.1",
    "0",
    "0x7f.1",
    "0x7f000001",
    "0X7F000001",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "0xa9fea9fe",
    "2852039166",
    "127.0.0.1.",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:a9fe:a9fe]",
    "[64:ff9b::7f00:1]",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "ip6-localhost",
    "%31%32%37.0.0.1",
    "\N{FULLWIDTH DIGIT ONE}27.0.0.1",
    "127\N{IDEOGRAPHIC FULL STOP}0.0.1",
    "\N{CIRCLED DIGIT ONE}27.0.0.1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_public_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_every_other_address_is_not(address: str) -> None:
    assert not is_public(ip_address(address))


async def _get(url: str) -> None:
    async with Carrier(public_only=True) as carrier:
        timeout = {"connect": 5.0, "read": 5.0}
        await carrier.handle_async_request(httpx.Request("GET", url, extensions={"timeout": timeout}))


@pytest.mark.parametrize(
    "host", [f"[{host}]" if ":" in host and "%" not in host else host for host in NOT_PUBLIC] + DISGUISED
)
def test_no_spelling_of_an_inner_address_is_connected_to(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        with pytest.raises((DownloadRefused, httpx.ConnectError, httpx.InvalidURL, httpx.UnsupportedProtocol)):
            run(_get(f"http://{host}:{server.getsockname()[1]}/?Planted=1"))
        with pytest.raises(BlockingIOError):
            server.accept()


def test_the_refusal_names_the_host_and_neither_the_query_nor_where_inside_it_leads() -> None:
    with pytest.raises(DownloadRefused) as caught:
        run(_get("http://localhost/file?Planted=1"))
    assert str(caught.value) == "localhost leads to a private address"


class _Answers(AbstractResolver):
    """Stands in for the system's resolver, which no test can have answer with public addresses."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked += 1
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self.addresses
        ]

    async def close(self) -> None:
        pass


async def _resolved(system: _Answers) -> list[str]:
    resolver = PublicResolver(system)
    return [entry["host"] for entry in await resolver.resolve("files.example.com", 443)]


def test_a_host_is_resolved_once_and_gives_exactly_the_checked_addresses() -> None:
    system = _Answers(*PUBLIC)
    assert run(_resolved(system)) == PUBLIC
    assert system.asked == 1


@pytest.mark.parametrize("inner", ["10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "fe80::1%2"])
def test_one_inner_address_among_public_ones_refuses_the_host(inner: str) -> None:
    with pytest.raises(DownloadRefused):
        run(_resolved(_Answers(PUBLIC[0], inner, PUBLIC[3])))
