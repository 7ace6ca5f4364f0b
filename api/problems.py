"""Answers every error as problem+json (RFC 9457), naming the field and the cure."""

import json
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.places import Place, fields_at, meant, pointer_to

_MEDIA_TYPE = "application/problem+json"
_TYPE = "urn:landfall:problem:"
_SPELLED_OUT = 10
# So many wrong fields are named: a body of millions would be answered with more than it holds, and for a minute.
MOST_ERRORS = 100
_LONGEST_DETAIL = 2000

# What a client may tell errors apart by; a status that is not here has its own name in lower case.
_CODES = {
    HTTPStatus.UNAUTHORIZED: "unauthenticated",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "body_too_large",
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: "range_not_satisfiable",
    HTTPStatus.UNPROCESSABLE_ENTITY: "invalid_request",
    HTTPStatus.INTERNAL_SERVER_ERROR: "internal_error",
    HTTPStatus.SERVICE_UNAVAILABLE: "unavailable",
}


class FieldError(BaseModel):
    """One thing that is wrong with a request: `pointer` into its body (RFC 6901), `parameter` of its query or path, or `header`."""

    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None
    detail: str

    @property
    def where(self) -> str:
        """The place in dotted form, for a sentence."""
        return self.parameter or self.header or (self.pointer or "").strip("/").replace("/", ".")


class Problem(BaseModel):
    """An error, as RFC 9457 writes it; some have members of their own beside these."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="`urn:landfall:problem:` and the code.")
    title: str = Field(description="The status in words.")
    status: int
    code: str = Field(description="What to tell problems apart by; it stays from release to release.")
    detail: str = Field(description="What is wrong and what helps, in one sentence.")
    request_id: str = Field(description="The `X-Request-Id` of the answer; the API's log has it too.")
    errors: list[FieldError] = []


class ProblemError(Exception):
    """Raised by a route to answer with a problem."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        *,
        code: str | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep what will be answered; `code` is the status' own if not given, `members` stand beside `detail`."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = list(errors)
        self.headers = headers
        self.code = code or code_of(status)
        self.members = dict(members or {})


def code_of(status: HTTPStatus) -> str:
    """The code of a problem that has no other."""
    return _CODES.get(status, status.name.lower())


def invalid(errors: Sequence[FieldError]) -> ProblemError:
    """The problem of a request whose fields are wrong; it names the first MOST_ERRORS."""
    found = [f"{error.where}: {error.detail}" if error.where else error.detail for error in errors[:_SPELLED_OUT]]
    if len(errors) > _SPELLED_OUT:
        found.append(f"and {len(errors) - _SPELLED_OUT} more")
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(found), errors[:MOST_ERRORS])


def problem_body(error: ProblemError, request_id: str) -> bytes:
    """The problem's JSON."""
    detail = error.detail if len(error.detail) <= _LONGEST_DETAIL else f"{error.detail[: _LONGEST_DETAIL - 1]}…"
    problem = {
        "type": f"{_TYPE}{error.code}",
        "title": error.status.phrase,
        "status": error.status,
        "code": error.code,
        "detail": detail,
        **error.members,
        "errors": [each.model_dump(exclude_none=True) for each in error.errors],
        "request_id": request_id,
    }
    # What no UTF-8 can hold (half a surrogate pair of the asker's) becomes its escape, which JSON has too.
    return json.dumps(problem, ensure_ascii=False).encode("utf-8", "backslashreplace")


def problem_response(request: Request, error: ProblemError) -> Response:
    """The answer that tells of the problem."""
    request_id = request_id_of(request)
    return Response(problem_body(error, request_id), error.status, error.headers, _MEDIA_TYPE)


def request_id_of(request: Request) -> str:
    """The id that the gate gave this request."""
    return str(getattr(request.state, "request_id", ""))


def field_errors(
    found: Sequence[Mapping[str, Any]], *, below: tuple[str, ...] = ("body",), model: type[BaseModel] | None = None
) -> list[FieldError]:
    """The first MOST_ERRORS of pydantic's findings, each at its place; `below` stands before the place of each.

    `model` is what was validated, for the sake of who has misspelt a field.
    """
    return [field_error((*below, *each["loc"]), each, model, below=len(below)) for each in found[:MOST_ERRORS]]


def field_error(
    place: Place, found: Mapping[str, Any], model: type[BaseModel] | None = None, *, below: int = 1
) -> FieldError:
    """One of pydantic's findings; the first `below` steps of its place lie outside the model."""
    detail = _sentence(found["msg"])
    if found["type"] == "extra_forbidden":
        *outer, name = place[below:]
        detail = f"there is no such field{meant(str(name), fields_at(outer, model)) if model else ''}"
    match place:
        case ("query" | "path", name, *_):
            return FieldError(parameter=str(name), detail=detail)
        case ("header", name, *_):
            return FieldError(header=str(name), detail=detail)
        case ("body", *parts):
            return FieldError(pointer=pointer_to(parts), detail=detail)
        case _:
            return FieldError(detail=detail)


def _sentence(message: str) -> str:
    text = re.sub(r"^(Value|Assertion) error, ", "", message)
    return text[:1].lower() + text[1:]
