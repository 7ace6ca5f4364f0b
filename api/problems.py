"""Answers every error as problem+json (RFC 9457), naming the field and the cure."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from landfall.database.connection import DatabaseUnavailable
from landfall.log import get_logger

_RETRY_SECONDS = 5
_log = get_logger(__name__)


class FieldError(BaseModel):
    """One thing that is wrong with a request: `pointer` into its body (RFC 6901), or `parameter` of its query."""

    pointer: str | None = None
    parameter: str | None = None
    detail: str

    @property
    def where(self) -> str:
        """The place in dotted form, for a sentence."""
        return self.parameter or (self.pointer or "").strip("/").replace("/", ".")


class Problem(BaseModel):
    """An error, as RFC 9457 writes it."""

    type: str = "about:blank"
    title: str = Field(description="The status in words.")
    status: int
    detail: str = Field(description="What is wrong and what helps, in one sentence.")
    errors: list[FieldError] = []


class ProblemError(Exception):
    """Raised by a route to answer with a problem."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Keep what will be answered."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = list(errors)
        self.headers = headers


def invalid(errors: Sequence[FieldError]) -> ProblemError:
    """The problem of a request whose fields are wrong."""
    found = "; ".join(f"{error.where}: {error.detail}" if error.where else error.detail for error in errors)
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, found, errors)


def field_errors(found: Sequence[Mapping[str, Any]], *, below: tuple[str, ...] = ("body",)) -> list[FieldError]:
    """Pydantic's findings, each at its place; `below` stands before the place of each."""
    return [_field_error((*below, *each["loc"]), each) for each in found]


def install(app: FastAPI) -> None:
    """Answer every error of the app as a problem."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(DatabaseUnavailable, _on_database)
    app.add_exception_handler(Exception, _on_bug)


async def _on_problem(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, ProblemError):
        raise error
    return _answer(error)


async def _on_invalid(_request: Request, error: Exception) -> JSONResponse:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    if any(each["type"] == "json_invalid" for each in found):
        return _answer(ProblemError(HTTPStatus.BAD_REQUEST, "the body is not valid JSON"))
    return _answer(invalid(field_errors(found, below=())))


async def _on_http(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    detail = {
        HTTPStatus.NOT_FOUND: "there is nothing at this address; /docs lists what there is",
        HTTPStatus.METHOD_NOT_ALLOWED: "this address does not take that method; /docs lists what it takes",
    }.get(status, str(error.detail))
    return _answer(ProblemError(status, detail, headers=error.headers))


async def _on_database(_request: Request, error: Exception) -> JSONResponse:
    _log.error("the database is unavailable", reason=str(error))
    detail = "the database cannot be reached; try again"
    return _answer(
        ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"retry-after": str(_RETRY_SECONDS)}),
    )


async def _on_bug(_request: Request, _error: Exception) -> JSONResponse:
    detail = "Landfall made a mistake; the API's log tells more"
    return _answer(ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, detail))


def _answer(error: ProblemError) -> JSONResponse:
    problem = Problem(title=error.status.phrase, status=error.status, detail=error.detail, errors=error.errors)
    return JSONResponse(
        problem.model_dump(exclude_none=True),
        status_code=error.status,
        headers=error.headers,
        media_type="application/problem+json",
    )


def _field_error(place: tuple[str | int, ...], found: Mapping[str, Any]) -> FieldError:
    detail = "there is no such field" if found["type"] == "extra_forbidden" else _sentence(found["msg"])
    match place:
        case ("query" | "path" | "header", name, *_):
            return FieldError(parameter=str(name), detail=detail)
        case ("body", *parts):
            return FieldError(pointer="".join(f"/{_escape(part)}" for part in parts), detail=detail)
        case _:
            return FieldError(detail=detail)


def _escape(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def _sentence(message: str) -> str:
    text = re.sub(r"^(Value|Assertion) error, ", "", message)
    return text[:1].lower() + text[1:]
