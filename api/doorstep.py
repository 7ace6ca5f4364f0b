"""Tells a person whose browser comes without a key what this is and how to go on, or leads them to the log-in."""

from http import HTTPStatus
from urllib.parse import quote, urlencode

from fastapi import Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import Headers
from starlette.types import Scope

from api.media_ranges import Accepted
from api.page_before import page_before
from api.problems import ProblemError

_FOR_PROGRAMS = frozenset({"/metrics", "/healthz", "/readyz"})
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Landfall</title></head>
<body>
<h1>This is the API of Landfall</h1>
<p>It answers to whoever shows an API key, and a browser shows none. Make a key on a machine that has Landfall's
settings, and ask with it:</p>
<pre>landfall keys create NAME
curl -H "Authorization: Bearer lf_&hellip;" ADDRESS/v1/exports</pre>
<p>With the same key you can <a href="/login">log in to the pages</a>.</p>
<p>The command <code>landfall</code> finds the key that <code>landfall up</code> has made by itself. The API is
described in <code>docs/reference/api.md</code>, and to a key at <code>/v1/openapi.json</code>.</p>
</body>
</html>
"""


def is_a_page(path: str) -> bool:
    """Whether people look at this address; all others are for programs."""
    return not (path.startswith("/v1") or path in _FOR_PROGRAMS)


def to_the_login(scope: Scope) -> Response:
    """The way to the log-in, and from there back to what was asked for."""
    wanted = _wanted(scope)
    address = "/login" if wanted == "/" else f"/login?{urlencode({'next': wanted})}"
    return RedirectResponse(address, HTTPStatus.SEE_OTHER, {"vary": "accept", "cache-control": "no-store"})


def _wanted(scope: Scope) -> str:
    """The page that was asked for, or that a form was sent from."""
    if scope["method"] in {"GET", "HEAD"}:
        query = scope["query_string"].decode("latin-1")
        return quote(scope["path"]) + (f"?{query}" if query else "")
    return page_before(Headers(scope=scope)) or "/"


def is_a_browser(scope: Scope) -> bool:
    """Whether somebody looks at an address: pages ask for JSON, people for HTML."""
    accepted = Accepted(Headers(scope=scope))
    return accepted.named("text/html") > accepted.named("application/json")


def page(refusal: ProblemError) -> Response:
    """The page, under the status and the fields of the refusal."""
    closed = {"content-security-policy": "default-src 'none'; frame-ancestors 'none'", "vary": "accept"}
    return Response(_PAGE, refusal.status, {**(refusal.headers or {}), **closed}, "text/html")
