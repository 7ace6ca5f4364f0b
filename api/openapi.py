"""Completes the OpenAPI document that FastAPI writes: the vendors' requests, and every error as the problem that it is."""

from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.auth import OPEN
from api.problems import Problem, code_of
from landfall.vendors.catalog import VENDORS

Json = dict[str, Any]

_REF = "#/components/schemas/{model}"
_FASTAPIS_OWN = ("HTTPValidationError", "ValidationError")
_ANYWHERE = {
    HTTPStatus.BAD_REQUEST: "The request cannot be read; `detail` says where.",
    HTTPStatus.MISDIRECTED_REQUEST: "The API does not answer to this `Host`.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A field or parameter is wrong; `errors` names it.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Landfall made a mistake.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The database cannot be reached; try again.",
}
_WITH_A_KEY = {
    HTTPStatus.UNAUTHORIZED: "There is no API key, or it is good no more.",
    HTTPStatus.FORBIDDEN: "The scope of the key is too small.",
    HTTPStatus.TOO_MANY_REQUESTS: "The key asks too often; `Retry-After` says when to go on.",
}
_WITH_A_BODY = {
    HTTPStatus.REQUEST_TIMEOUT: "The body did not come.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too long.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is no JSON by its `Content-Type`.",
}
_HEADERS: Json = {
    "X-Request-Id": {"description": "Names this request in the API's log.", "schema": {"type": "string"}},
}
_HEADERS_OF: dict[HTTPStatus, Json] = {
    HTTPStatus.UNAUTHORIZED: {
        "WWW-Authenticate": {"description": "How to say who calls.", "schema": {"type": "string"}},
    },
    HTTPStatus.TOO_MANY_REQUESTS: {
        "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
    },
}


def operation_id(route: APIRoute) -> str:
    """What a generated client calls the operation."""
    return f"{route.tags[0]}_{route.name}" if route.tags else route.name


def complete(app: FastAPI) -> None:
    """Have the app's document completed where it is asked for."""
    app.openapi = _completed(app.openapi)  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _completed(plain: Callable[[], Json]) -> Callable[[], Json]:
    @cache
    def openapi() -> Json:
        document = plain()
        components = document["components"]
        for name in _FASTAPIS_OWN:
            components["schemas"].pop(name, None)
        components["schemas"] |= _schemas([Problem, *(vendor.request for vendor in VENDORS.values())])
        components["schemas"] = dict(sorted(components["schemas"].items()))
        components["responses"] = {
            code_of(status): _response(status, words)
            for status, words in (_ANYWHERE | _WITH_A_KEY | _WITH_A_BODY).items()
        }
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                _complete_operation(operation, needs_key=path not in OPEN, reads_body=method != "get")
        return document

    return openapi


def _schemas(models: list[type[BaseModel]]) -> Json:
    # As answers are validated, not as they are made: a default does not make a field optional to the reader.
    modes = [(model, "serialization" if model is Problem else "validation") for model in models]
    _, definitions = models_json_schema(modes, ref_template=_REF)  # type: ignore[arg-type]  # its literal type is too narrow for a list
    found: Json = definitions["$defs"]
    return found


def _complete_operation(operation: Json, *, needs_key: bool, reads_body: bool) -> None:
    responses: Json = operation["responses"]
    for status, response in responses.items():
        if int(status) >= HTTPStatus.BAD_REQUEST and _tells_of_a_problem(response):
            responses[status] = _response(HTTPStatus(int(status)), response["description"])
    added = _ANYWHERE | (_WITH_A_KEY if needs_key else {}) | (_WITH_A_BODY if reads_body else {})
    for each in added:
        own = responses.get(str(each.value))
        if own is None or own.get("description") == "Validation Error":
            responses[str(each.value)] = {"$ref": f"#/components/responses/{code_of(each)}"}
    operation["responses"] = dict(sorted(responses.items()))


def _tells_of_a_problem(response: Json) -> bool:
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    ref = schema.get("$ref", "").rpartition("/")[2]
    return ref in {"", Problem.__name__, *_FASTAPIS_OWN}


def _response(status: HTTPStatus, words: str) -> Json:
    return {
        "description": words,
        "headers": _HEADERS | _HEADERS_OF.get(status, {}),
        "content": {"application/problem+json": {"schema": {"$ref": _REF.format(model=Problem.__name__)}}},
    }
