"""Reads the forms of the pages, and makes sure that a person sent them from one of these pages."""

import hmac
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Annotated, Any, ClassVar
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from api.logins import Visitor
from api.problems import ProblemError
from api.strict_route import StrictRoute

_MOST_FIELDS = 1000
# Whoever is at the log-in has shown nothing yet, and nobody else is served while a form is read.
_MOST_BYTES = 128 << 10
_KIND = "application/x-www-form-urlencoded"
_FOREIGN = "this form was not sent from a page of Landfall; open the page anew and send it from there"


class PageRoute(StrictRoute):
    """A route of the pages: `APIRouter(route_class=PageRoute)`. Bodies are forms, queries as strict as the API's.

    HEAD is answered as GET is, without the body (RFC 9110, 9.3.2), but where the body has no end.
    """

    reads_json = False
    answers_head: ClassVar[bool] = True

    def __init__(self, *words: Any, **named: Any) -> None:  # noqa: ANN401 - they are FastAPI's own
        """Take what FastAPI's route takes."""
        super().__init__(*words, **named)
        if self.answers_head and self.methods and "GET" in self.methods:
            self.methods.add("HEAD")


class Form(Mapping[str, str]):
    """The fields of a form; one that was sent twice has its last value, `all_of` gives every one."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        """Hold the fields in their order."""
        self._fields = fields
        self._last = dict(fields)

    def __getitem__(self, name: str) -> str:
        """The value of a field."""
        return self._last[name]

    def __iter__(self) -> Iterator[str]:
        """The names."""
        return iter(self._last)

    def __len__(self) -> int:
        """How many names there are."""
        return len(self._last)

    def all_of(self, name: str) -> list[str]:
        """Every value of a field, in order."""
        return [value for each, value in self._fields if each == name]

    def text(self, name: str) -> str:
        """A field without the spaces around it, empty where it is missing."""
        return self._last.get(name, "").strip()


async def _read(request: Request) -> Form:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _KIND:
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"a form is sent as {_KIND}")
    try:
        text = (await _body(request)).decode("utf-8")
        fields = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "this is no form that a browser sends; send it again") from None
    if any("\0" in value for _, value in fields):
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "a field holds a NUL character; write it without")
    return Form(fields)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_BYTES:
            detail = f"this form is longer than {_MOST_BYTES >> 10} KiB; write less, or send it to the API"
            raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
    return bytes(body)


async def _from_anywhere(request: Request) -> Form:
    _check_origin(request)
    return await _read(request)


async def _from_a_visitor(request: Request) -> Form:
    _check_origin(request)
    form = await _read(request)
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    sent = form.text("form_token").encode()
    if visitor is None or not hmac.compare_digest(sent, visitor.form_token.encode()):
        raise ProblemError(HTTPStatus.FORBIDDEN, _FOREIGN, code="foreign_form")
    return form


def _check_origin(request: Request) -> None:
    """Raise ProblemError (403) where the browser says that another site's page sent it."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is None:
        # An old browser, one that comes over plain HTTP from another machine (Fetch Metadata, 2), or none at all.
        host = request.headers.get("host", "").lower()
        ours = origin is None or origin.lower() in {f"http://{host}", f"https://{host}"}
    else:
        ours = site in {"same-origin", "none"}
    if not ours:
        raise ProblemError(HTTPStatus.FORBIDDEN, _FOREIGN, code="foreign_form")


# What somebody who is logged in sent from one of our pages: it carries the token of their session.
Sent = Annotated[Form, Depends(_from_a_visitor)]
# What anybody may send, from our own origin.
SentByAnybody = Annotated[Form, Depends(_from_anywhere)]
