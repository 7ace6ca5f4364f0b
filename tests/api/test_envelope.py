"""Checks what every answer carries, whatever it answers, and what the log tells of it."""

import json
from typing import Any

import httpx
import pytest

from tests.api.beside import another_api
from tests.planted_files import plant, transaction
from tests.stack import Stack, until

KIND = {"content-type": "application/json"}
REQUESTS: list[tuple[str, str, dict[str, Any], int]] = [
    ("GET", "/healthz", {}, 200),
    ("GET", "/v1/exports", {}, 200),
    ("POST", "/v1/exports", {"content": b"{", "headers": KIND}, 400),
    ("GET", "/v1/exports", {"headers": {"authorization": ""}}, 401),
    ("GET", "/v1/nothing", {}, 404),
    ("GET", "/v1/exports/", {}, 404),
    ("GET", "/v1/exports/exp_none", {}, 404),
    ("DELETE", "/v1/exports", {}, 405),
    ("POST", "/v1/exports", {"content": b" " * (17 << 20), "headers": KIND}, 413),
    ("POST", "/v1/exports", {"content": b"{}", "headers": {"content-type": "text/plain"}}, 415),
    ("GET", "/healthz", {"headers": {"host": "evil.example"}}, 421),
    ("POST", "/v1/exports", {"json": {}}, 422),
]
CODES = {
    400: "invalid_json",
    401: "unauthenticated",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    421: "misdirected_request",
    422: "invalid_request",
}


def lines_of(api: Stack, request_id: str) -> list[dict[str, Any]]:
    """The log's lines of a request, down to the one that ends it, which may come after the answer."""

    def look() -> list[dict[str, Any]] | None:
        found = [json.loads(line) for line in api.log("api").splitlines() if f'"{request_id}"' in line]
        return found if any(line["event"] == "request" for line in found) else None

    return until(look, f"the line of {request_id}")


def assert_enveloped(answer: httpx.Response) -> None:
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] in {"no-store", "private, no-cache"}
    assert not {"server", "x-powered-by", "access-control-allow-origin"} & set(answer.headers)


@pytest.mark.parametrize(("method", "path", "how", "status"), REQUESTS)
def test_every_answer_carries_its_request_s_id_and_an_error_its_code(
    api: Stack, method: str, path: str, how: dict[str, Any], status: int
) -> None:
    answer = api.call(method, path, **how)
    assert answer.status_code == status
    assert_enveloped(answer)
    request_id = answer.headers["x-request-id"]
    assert request_id.startswith("req_")
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert (problem["request_id"], problem["code"], problem["status"]) == (request_id, CODES[status], status)
        assert problem["type"] == f"urn:landfall:problem:{CODES[status]}"
    assert [line["status"] for line in lines_of(api, request_id) if line["event"] == "request"] == [status]


@pytest.mark.parametrize("given", ["abc-1.2_3", "x" * 128])
def test_a_request_id_of_the_caller_is_kept(api: Stack, given: str) -> None:
    assert api.get("/v1/exports", headers={"x-request-id": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "<script>", 'a"b', "é"])
def test_a_request_id_that_is_no_plain_token_is_not(api: Stack, given: str) -> None:
    answer = api.get("/v1/exports", headers={"x-request-id": given.encode("latin-1")})
    assert answer.headers["x-request-id"].startswith("req_")


def test_the_log_tells_the_route_and_never_the_query(api: Stack) -> None:
    answer = api.get("/v1/exports/exp_x/events?cursor=lookforme", headers={"x-request-id": "the-query"})
    assert answer.status_code == 404
    [line] = lines_of(api, "the-query")
    assert (line["event"], line["method"], line["path"]) == ("request", "GET", "/v1/exports/{export_id}/events")
    assert (line["status"], line["level"]) == (404, "info")
    assert line["key"].startswith("key_")
    assert line["seconds"] >= 0
    assert "lookforme" not in api.log("api")


def test_health_is_told_to_whoever_debugs(api: Stack) -> None:
    api.get("/healthz", headers={"x-request-id": "health"})
    assert [line["level"] for line in lines_of(api, "health")] == ["debug"]


def test_a_mistake_of_ours_tells_the_caller_nothing_and_the_log_everything(api: Stack) -> None:
    job = plant(api.home, "exp_broken")
    with transaction(api.home) as connection:
        connection.exec_driver_sql("UPDATE exports SET labels='no JSON' WHERE id='exp_broken'")
    answer = api.get(f"/v1/exports/{job.id}")
    with transaction(api.home) as connection:
        connection.exec_driver_sql("UPDATE exports SET labels='{}' WHERE id='exp_broken'")
    assert answer.status_code == 500
    assert_enveloped(answer)
    problem = answer.json()
    assert (problem["code"], problem["errors"]) == ("internal_error", [])
    assert "JSON" not in problem["detail"]
    lines = lines_of(api, problem["request_id"])
    assert "JSONDecodeError" in "".join(line.get("exception", "") for line in lines)
    assert lines[-1]["status"] == 500


def test_a_file_keeps_the_caching_it_asks_for(api: Stack) -> None:
    job = plant(api.home, "exp_cached")
    answer = api.get(f"/v1/exports/{job.id}/file")
    assert answer.headers["cache-control"] == "private, no-cache"
    assert_enveloped(answer)


def test_pages_of_other_origins_are_let_in_where_the_settings_name_them(api: Stack) -> None:
    ours, theirs = {"origin": "https://dash.example"}, {"origin": "https://evil.example"}
    preflight = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    with another_api(api, LANDFALL_API_CORS_ORIGINS="https://dash.example") as other:
        allowed = other.get("/v1/exports", headers=ours)
        refused = other.get("/v1/exports", headers=theirs)
        # A preflight carries no key.
        asked = other.call("OPTIONS", "/v1/exports", headers={**ours, **preflight, "authorization": ""})
    assert allowed.headers["access-control-allow-origin"] == "https://dash.example"
    assert "x-request-id" in allowed.headers["access-control-expose-headers"].lower()
    assert "access-control-allow-origin" not in refused.headers
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, "https://dash.example")
    assert "access-control-allow-origin" not in api.get("/v1/exports", headers=ours).headers
