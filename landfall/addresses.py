"""Checks the hosts, origins, networks and the Redis that the settings name."""

import re
from ipaddress import ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

_HOST = re.compile(r"\*|(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\]")
_ORIGIN = re.compile(r"\*|https?://[^\s/?#@]+")


def _listed(value: object) -> object:
    """In the environment a list is written with commas."""
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


def _hosts(names: tuple[str, ...]) -> tuple[str, ...]:
    if wrong := next((name for name in names if not _HOST.fullmatch(name)), None):
        raise ValueError(f"{wrong} is no host's name; write it without scheme, port and path, as landfall.example.com")
    return names


def _origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    if wrong := next((origin for origin in origins if not _ORIGIN.fullmatch(origin)), None):
        raise ValueError(f"{wrong} is no origin; write it as https://dashboard.example.com, without a path")
    return origins


def _networks(proxies: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(each)) for each in proxies)
    except ValueError as error:
        raise ValueError(f"{error}; write addresses or networks, as 10.0.0.7 or 10.0.0.0/8") from None


def _redis(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
        good = bool(parts.path if parts.scheme == "unix" else parts.scheme in {"redis", "rediss"} and parts.netloc)
    except ValueError:
        good = False
    if url and not good:
        raise ValueError("write it as redis://host:port/0, rediss://host:port/0 or unix:///path/of/the.sock")
    return url


Hosts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed), AfterValidator(_hosts)]
Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed), AfterValidator(_origins)]
Networks = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed), AfterValidator(_networks)]
RedisUrl = Annotated[str, AfterValidator(_redis)]
