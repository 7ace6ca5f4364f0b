"""Knows the cookie by which a browser shows that its user is logged in to the pages."""

from fastapi import Response
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import Scope

# Under this prefix a browser takes it only over https, without a domain: no sibling host can plant one (RFC 6265bis).
_OVER_TLS = "__Host-landfall_session"
_PLAIN = "landfall_session"


def shown_session(scope: Scope) -> str | None:
    """What the browser shows, None where it shows nothing."""
    for sent in Headers(scope=scope).getlist("cookie"):
        # Reads past what others' cookies hold, as browsers write them; http.cookies gives up at the first odd one.
        if shown := cookie_parser(sent).get(_name(scope)):
            return shown
    return None


def hand_out(response: Response, scope: Scope, token: str) -> None:
    """Have the browser show it from now on: no script can read it, and no other site's page can make it be sent."""
    secure = scope["scheme"] == "https"
    response.set_cookie(_name(scope), token, path="/", httponly=True, samesite="lax", secure=secure)


def take_back(response: Response, scope: Scope) -> None:
    """Have the browser forget it."""
    secure = scope["scheme"] == "https"
    response.delete_cookie(_name(scope), path="/", httponly=True, samesite="lax", secure=secure)


def _name(scope: Scope) -> str:
    name = _OVER_TLS if scope["scheme"] == "https" else _PLAIN
    # Of two Landfalls on one host each has its own: cookies know no ports. It is the one that the browser wrote, for
    # of two containers each may listen at the same port, published at another.
    port = Headers(scope=scope).get("host", "").rpartition(":")[2]
    return f"{name}_{port}" if port.isascii() and port.isdigit() else name
