"""Turns whatever a route raises into the problem, or the page, that it is to the caller."""

from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from api.doorstep import is_a_browser, is_a_page
from api.pages.errors import error_page
from api.problems import MOST_ERRORS, ProblemError, field_error, invalid, problem_response
from landfall.database.connection import DatabaseUnavailable
from landfall.log import get_logger

_RETRY_SECONDS = 5
_log = get_logger(__name__)


def install(app: FastAPI) -> None:
    """Answer every error of the app as a problem; what nobody expected is the envelope's to answer."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(DatabaseUnavailable, _on_database)


async def _on_problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, ProblemError):
        raise error
    return answer(request, error)


async def _on_invalid(request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    model = _body_model(request)
    return answer(request, invalid([field_error(each["loc"], each, model) for each in found[:MOST_ERRORS]]))


async def _on_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = ", ".join(sorted(_methods_here(request)))
        detail = f"this address does not take {request.method}; it takes {allowed}"
        return answer(request, ProblemError(status, detail, headers={"allow": allowed}))
    if status == HTTPStatus.NOT_FOUND:
        detail = "there is nothing at this address; /docs lists what there is"
        return answer(request, ProblemError(status, detail))
    return answer(request, ProblemError(status, str(error.detail), headers=error.headers))


async def _on_database(request: Request, error: Exception) -> Response:
    _log.error("the database is unavailable", reason=str(error))
    detail = "the database cannot be reached; try again"
    retry = {"retry-after": str(_RETRY_SECONDS)}
    return answer(request, ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=retry))


def answer(request: Request, error: ProblemError) -> Response:
    """A page for a person, a problem for a program."""
    if is_a_page(request.scope["path"]) and is_a_browser(request.scope):
        return error_page(request, error)
    return problem_response(request, error)


def _body_model(request: Request) -> type[BaseModel] | None:
    route = request.scope["route"]
    field = route.body_field if isinstance(route, APIRoute) else None
    kind = field.field_info.annotation if field else None
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _methods_here(request: Request) -> set[str]:
    """What the routes of this address take together: each of them knows its own alone."""
    here = [route for route in iter_route_contexts(request.app.routes) if route.path and route.methods]
    return {
        method
        for route in here
        if compile_path(str(route.path))[0].match(request.scope["path"])
        for method in route.methods or ()
    }
