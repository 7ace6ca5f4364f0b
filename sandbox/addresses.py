"""Knows under which address a client reaches the sandbox."""

from urllib.parse import urlsplit

from starlette.requests import Request

_ANY = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound


def base_url_for(request: Request) -> str:
    """Return where the sandbox listens or, where that is any address, under which one this client has found it."""
    listening: str = request.app.state.base_url
    host = request.headers.get("host")
    return f"http://{host}" if host and urlsplit(listening).hostname in _ANY else listening
