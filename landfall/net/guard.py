"""Refuses hosts that lead to anything but the public internet, before a connection to them is opened."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from landfall.exports.errors import DownloadRefused

_UNICAST = ip_network("2000::/3")
# What `is_global` lets through although it is, holds or leads to an address that is not public.
_DECEIVING = tuple(
    ip_network(network)
    for network in (
        "2001::/23",  # special purposes, among them Teredo: an IPv4 address within
        "2002::/16",  # 6to4: an IPv4 address within
        "3fff::/20",  # documentation, RFC 9637
        "192.0.0.0/24",  # special purposes, of which an older Python knows a few only
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "168.63.129.16/32",  # Azure's platform, reached from every machine there
    )
)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether the address is one of the public internet.

    Multicast, reserved, mapped (`::ffff:…`) and translated (`64:ff9b::…`) ones are not, whatever they stand for.
    """
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    return not any(address in network for network in _DECEIVING)


def refuse_private_literal(host: str) -> None:
    """Raise DownloadRefused where the host is itself an address, in any spelling, that is not public."""
    address = _literal(host.strip("[]").rstrip("."))
    if address is not None:
        _refuse_private(host, [address], "is no public address")


class PublicResolver(AbstractResolver):
    """Resolves a name once; the connection goes to exactly the addresses that were checked.

    One address that is not public refuses the whole name: an answer that mixes them is an attempt to get inside.
    """

    def __init__(self, system: AbstractResolver | None = None) -> None:
        """Ask `system`, which is the resolver of the operating system unless another is given."""
        self._system = system or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Resolve by the system. Raises DownloadRefused where any of the addresses is not public."""
        found = await self._system.resolve(host, port, family)
        # Not to which: whoever may name a host and read the refusal would learn the addresses of a network inside.
        _refuse_private(host, [ip_address(entry["host"]) for entry in found], "leads to a private address")
        return found

    async def close(self) -> None:
        """Release nothing: the system's resolver holds nothing."""
        await self._system.close()


def _refuse_private(host: str, addresses: list[IPv4Address | IPv6Address], leads: str) -> None:
    for address in addresses:
        if not is_public(address):
            raise DownloadRefused(f"{host} {leads}")


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        # As the C library reads it: 127.1, 0x7f000001, 0177.0.0.1 and 2130706433 are all 127.0.0.1.
        return IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None
