"""Promises to a person whose browser comes without a key."""

import httpx
import pytest

from tests.stack import Stack

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("path", ["/v1", "/v1/exports", "/v1/nothing", "/metrics"])
def test_a_browser_without_a_key_is_told_what_to_do(api: Stack, path: str) -> None:
    answer = httpx.get(api.url + path, headers={"accept": BROWSER}, trust_env=False)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "landfall keys create" in answer.text
    assert '<a href="/login">' in answer.text


@pytest.mark.parametrize("path", ["/", "/docs", "/redoc", "/nothing"])
def test_a_browser_without_a_key_is_led_from_a_page_to_the_log_in(api: Stack, path: str) -> None:
    answer = httpx.get(api.url + path, headers={"accept": BROWSER}, trust_env=False)
    assert (answer.status_code, "www-authenticate" in answer.headers) == (303, False)
    assert answer.headers["location"] == ("/login" if path == "/" else f"/login?next=%2F{path[1:]}")


@pytest.mark.parametrize("accept", ["*/*", "application/json, text/html", "application/json, text/html;q=0.5"])
def test_whoever_takes_json_as_well_gets_a_problem(api: Stack, accept: str) -> None:
    answer = httpx.get(f"{api.url}/docs", headers={"accept": accept}, trust_env=False)
    assert answer.headers["content-type"] == "application/problem+json"
