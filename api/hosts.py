"""Knows the names that the API answers to, so that no page of a browser reaches it under a name of its own.

A page may have its own name resolve to 127.0.0.1 and so speak with what listens there (DNS rebinding); what it cannot
change is the Host that the browser sends.
"""

import ipaddress
from collections.abc import Callable
from functools import lru_cache

from landfall.settings import Settings

_OWN = frozenset({"localhost", "127.0.0.1", "[::1]"})


def host_check(settings: Settings) -> Callable[[bytes], bool] | None:
    """Whether a Host header names this API; None where every name is good: a public address, and no names set."""
    names = {name.lower() for name in settings.api_hosts}
    if "*" in names or not (names or _is_loopback(settings.api_host)):
        return None
    known = names | _OWN | {_as_written(settings.api_host)}
    endings = tuple(name[1:] for name in names if name.startswith("*."))

    @lru_cache(maxsize=256)
    def answers_to(header: bytes) -> bool:
        name = _without_port(header.decode("latin-1").strip().lower()).removesuffix(".")
        return name in known or bool(endings and name.endswith(endings))

    return answers_to


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().removesuffix(".") in {"localhost", "localhost.localdomain"}


def _as_written(host: str) -> str:
    """As it stands in a Host header."""
    return f"[{host.lower()}]" if ":" in host else host.lower()


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and (port.isdigit() or not port) and not host.endswith("]") else host
