"""Tells a person whose browser comes without a key what this is and how to go on."""

from fastapi import Response
from starlette.datastructures import Headers
from starlette.types import Scope

from api.media_ranges import Accepted
from api.problems import ProblemError

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Landfall</title></head>
<body>
<h1>This is the API of Landfall</h1>
<p>It answers to whoever shows an API key, and a browser shows none. Make a key on a machine that has Landfall's
settings, and ask with it:</p>
<pre>landfall keys create NAME
curl -H "Authorization: Bearer lf_&hellip;" ADDRESS/v1/exports</pre>
<p>The command <code>landfall</code> finds the key that <code>landfall up</code> has made by itself. The API is
described in <code>docs/api.md</code>, and to a key at <code>/v1/openapi.json</code>.</p>
</body>
</html>
"""


def is_a_browser(scope: Scope) -> bool:
    """Whether somebody looks at an address: pages ask for JSON, people for HTML."""
    accepted = Accepted(Headers(scope=scope))
    return scope["method"] == "GET" and accepted.named("text/html") > accepted.named("application/json")


def page(refusal: ProblemError) -> Response:
    """The page, under the status and the fields of the refusal."""
    closed = {"content-security-policy": "default-src 'none'; frame-ancestors 'none'", "vary": "accept"}
    return Response(_PAGE, refusal.status, {**(refusal.headers or {}), **closed}, "text/html")
