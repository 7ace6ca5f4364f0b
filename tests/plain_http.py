"""Asks servers of this machine over plain http, and loads none of the certificates that https would need."""

import ssl
from contextlib import AbstractContextManager
from typing import Any

import httpx

# To load the authorities' certificates takes 20 ms of CPU, and httpx does it at each request that is not told otherwise.
_NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def call(method: str, url: str, **how: Any) -> httpx.Response:
    """Send a request, past any proxy of the environment."""
    return httpx.request(method, url, trust_env=False, verify=_NO_AUTHORITIES, **how)


def get(url: str, **how: Any) -> httpx.Response:
    """Send a GET, past any proxy of the environment."""
    return httpx.get(url, trust_env=False, verify=_NO_AUTHORITIES, **how)


def post(url: str, **how: Any) -> httpx.Response:
    """Send a POST, past any proxy of the environment."""
    return httpx.post(url, trust_env=False, verify=_NO_AUTHORITIES, **how)


def stream(method: str, url: str, **how: Any) -> AbstractContextManager[httpx.Response]:
    """An answer whose body is read no further than the block does, past any proxy of the environment."""
    return httpx.stream(method, url, trust_env=False, verify=_NO_AUTHORITIES, **how)
