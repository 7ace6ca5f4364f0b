"""Writes pages from their templates, under a policy that lets them load nothing from elsewhere."""

from functools import cache
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from api.logins import Visitor
from api.pages import words
from api.pages.statics import static_url
from landfall import __version__
from landfall.database.keys import Scope

# No inline script and no inline style: what somebody smuggles into a label stays text.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    # Whoever goes back in the browser's history after logging out sees nothing of it.
    "cache-control": "no-store",
    "vary": "accept, cookie",
    # With `no-referrer` a browser says of our own forms that they come from nowhere (Fetch, 3.2: Origin is `null`).
    "referrer-policy": "same-origin",
}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("api.pages"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["static_url"] = static_url
    environment.globals["version"] = __version__
    environment.filters |= words.FILTERS
    return environment


def page(request: Request, template: str, *, status: HTTPStatus = HTTPStatus.OK, **context: Any) -> Response:  # noqa: ANN401 - a template takes anything
    """The page of a template for whoever asks; the template is told who that is and what they may do."""
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    known = {
        "here": request.url.path,
        "query": request.url.query,
        "name": visitor.caller.name if visitor else None,
        "form_token": visitor.form_token if visitor else "",
        # Only a log-in proves that a form was sent on purpose: who looks on with a bearer key sees no buttons.
        "may_write": bool(visitor and visitor.caller.scope.includes(Scope.WRITE)),
        "may_admin": bool(visitor and visitor.caller.scope.includes(Scope.ADMIN)),
    }
    text = _environment().get_template(template).render(known | context)
    return Response(text, status, _HEADERS, "text/html")
