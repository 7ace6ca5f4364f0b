"""Holds the OpenAPI document to what the API answers, and the committed one to the code."""

import json
import re
from collections.abc import Iterator
from inspect import iscoroutinefunction
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from api.auth import OPEN, Needs
from api.main import create_app
from api.strict_route import StrictRoute
from api.write_openapi import openapi_text
from landfall.settings import Settings
from tests.stack import ROOT, Stack

DOCUMENT = json.loads(openapi_text())
WRITE_IT = "python -m api.write_openapi docs/openapi.json"


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def resolved(place: dict[str, Any]) -> dict[str, Any]:
    found = place
    while "$ref" in found:
        names = found["$ref"].removeprefix("#/").split("/")
        found = DOCUMENT
        for name in names:
            found = found[name]
    return found


def test_the_committed_document_is_what_the_code_says() -> None:
    committed = (ROOT / "docs" / "openapi.json").read_text(encoding="utf-8")
    if committed != openapi_text():
        pytest.fail(f"the API's contract changed; if it was meant to, write it anew with `{WRITE_IT}` and tell of it")


def test_the_process_serves_that_document_to_who_has_a_key(api: Stack) -> None:
    assert api.get("/v1/openapi.json").json() == DOCUMENT
    assert DOCUMENT["openapi"].startswith("3.1")
    assert api.get("/v1/openapi.json", headers={"authorization": ""}).status_code == 401


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)+", name) for name in names)


def test_every_operation_says_what_it_is_for() -> None:
    for path, method, operation in operations():
        assert operation.get("description"), f"{method} {path}"
        assert operation["tags"], f"{method} {path}"


def test_what_everybody_may_be_answered_stands_with_every_operation() -> None:
    for path, method, operation in operations():
        expected = {"400", "421", "422", "500", "503"}
        if path not in OPEN:
            expected |= {"401", "403", "429"}
            assert operation["security"], f"{method} {path}"
        if "requestBody" in operation:
            expected |= {"408", "413", "415"}
        assert expected <= set(operation["responses"]), f"{method} {path}"


def test_every_error_is_a_problem() -> None:
    for path, method, operation in operations():
        for status, response in operation["responses"].items():
            told = resolved(response)
            if int(status) >= 400 and path != "/readyz":
                assert list(told["content"]) == ["application/problem+json"], f"{method} {path} {status}"
                assert "X-Request-Id" in told["headers"]


def test_every_body_refuses_fields_that_it_does_not_know() -> None:
    for path, method, operation in operations():
        if "requestBody" not in operation:
            continue
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        kinds = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
        for kind in kinds:
            assert resolved(kind)["additionalProperties"] is False, f"{method} {path}"


def test_every_route_reads_its_requests_strictly() -> None:
    app = create_app(Settings.model_construct(), "redis://")
    routes = [each.original_route for each in iter_route_contexts(app.routes)]
    lax = [route.path for route in routes if isinstance(route, APIRoute) and not isinstance(route, StrictRoute)]
    assert lax == [], "give its APIRouter route_class=StrictRoute"


def test_nothing_that_a_route_needs_is_handed_to_a_thread() -> None:
    def called(dependant: Dependant) -> Iterator[object]:
        yield dependant.call
        for each in dependant.dependencies:
            yield from called(each)

    app = create_app(Settings.model_construct(), "redis://")
    routes = [each.original_route for each in iter_route_contexts(app.routes)]
    every = {call for route in routes if isinstance(route, APIRoute) for call in called(route.dependant)}
    plain = [call for call in every if not iscoroutinefunction(call) and not isinstance(call, Needs)]
    assert plain == [], "make it async: FastAPI hands to a thread what is not"


def test_every_code_of_a_problem_is_explained() -> None:
    page = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    missing = [code for code in DOCUMENT["components"]["responses"] if f"`{code}`" not in page]
    assert missing == []


def test_the_page_about_the_api_begins_with_every_route() -> None:
    page = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    table = page[: page.index("## Keys")]
    told = {re.sub(r"{.*?}", "{}", route) for route in re.findall(r"`((?:GET|POST|PATCH|DELETE) /[^`]*)`", table)}
    there = {
        f"{method.upper()} {re.sub(r'{.*?}', '{}', path)}"
        for path, methods in DOCUMENT["paths"].items()
        for method in methods
    }
    assert there <= told
    assert told - there == {"GET /v1/openapi.json", "GET /docs"}
