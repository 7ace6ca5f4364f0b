"""Promises of every page and form: what the browser may load, who may send it, and what it is told to keep."""

import re
from collections.abc import Iterator

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from api.doorstep import is_a_page
from api.main import create_app
from landfall.database.keys import Scope
from landfall.settings import Settings
from tests.pages.browsing import Visitor
from tests.stack import Stack, new_key

FOREIGN = "This form was not sent from a page of Landfall"
OWN_ALONE = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


def addresses() -> list[str]:
    """Every page whose address names nothing."""
    routes = iter_route_contexts(create_app(Settings(), "redis://127.0.0.1:9").routes)
    found = {route.path or "" for route in routes if "GET" in (route.methods or ())}
    return sorted({path for path in found if is_a_page(path) and "{" not in path} - {"/live", "/docs/openapi.json"})


@pytest.fixture(scope="module")
def inside(front: Stack) -> Iterator[Visitor]:
    """A browser that somebody has logged in with."""
    with Visitor(front) as visitor:
        assert visitor.log_in(front.key).status_code == 303
        yield visitor


def policy(answer: httpx.Response) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in answer.headers["content-security-policy"].split(";"))
    return {name: value for name, _, value in parts}


@pytest.mark.parametrize("path", [*addresses(), "/nothing", "/?unknown=1", "/exports/exp_none"])
def test_a_page_loads_nothing_from_elsewhere_and_is_kept_nowhere(inside: Visitor, path: str) -> None:
    answer = inside.get(path)
    assert answer.headers["content-type"] == "text/html; charset=utf-8", answer.text
    assert policy(answer) == OWN_ALONE
    assert answer.headers["cache-control"] == "no-store"
    assert {"accept", "cookie"} <= set(answer.headers["vary"].replace(" ", "").split(","))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", [*addresses(), "/nothing"])
def test_a_page_holds_no_script_and_no_style_of_its_own(inside: Visitor, path: str) -> None:
    text = inside.get(path).text
    assert re.findall(r"<script(?![^>]* src=)[^>]*>", text) == []
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", text) == []
    loaded = re.findall(r'(?:src|<link[^>]* href)="([^"]*)"', text)
    assert loaded
    assert [address for address in loaded if not address.startswith("/static/")] == []


@pytest.mark.parametrize("path", addresses())
def test_what_a_page_loads_is_there_and_may_be_kept_for_ever(inside: Visitor, path: str) -> None:
    for address in set(re.findall(r'(?:src|<link[^>]* href)="([^"]*)"', inside.get(path).text)):
        answer = inside.get(address)
        assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (200, True), address


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "origin": "https://evil.test"},
        {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site", "origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"origin": "https://evil.test"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "null"},
    ],
)
def test_a_form_of_another_site_is_refused(front: Stack, headers: dict[str, str]) -> None:
    with Visitor(front) as visitor:
        refused = visitor.send("/login", {"key": front.key}, headers)
        assert (refused.status_code, refused.headers.get("set-cookie")) == (403, None)
        assert FOREIGN in refused.text
        visitor.log_in(front.key)
        refused = visitor.send("/logout", {"form_token": visitor.form_token()}, headers)
        assert (refused.status_code, FOREIGN in refused.text) == (403, True)
        assert visitor.is_in


@pytest.mark.parametrize(
    "headers", [{}, {"sec-fetch-site": "none"}, {"sec-fetch-site": "same-origin", "origin": "null"}]
)
def test_a_form_of_ours_is_taken_from_browsers_that_say_little(front: Stack, headers: dict[str, str]) -> None:
    with Visitor(front) as visitor:
        assert visitor.send("/login", {"key": front.key}, headers).status_code == 303


@pytest.mark.parametrize("token", [None, "", "x" * 43, "another session's", "ä"])
def test_a_form_without_the_token_of_its_session_is_refused(front: Stack, inside: Visitor, token: str | None) -> None:
    with Visitor(front) as other:
        other.log_in(front.key)
        text = other.form_token() if token == "another session's" else token
    refused = inside.send("/logout", {} if text is None else {"form_token": text})
    assert (refused.status_code, FOREIGN in refused.text) == (403, True)
    assert inside.is_in


def test_a_bearer_key_sends_no_forms(front: Stack) -> None:
    with Visitor(front, authorization=f"Bearer {front.key}") as visitor:
        assert visitor.send("/logout").status_code == 403


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"", "multipart/form-data; boundary=x", 415),
        (b"key=%ff", "application/x-www-form-urlencoded", 400),
        (b"key=\xff", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a=1" for _ in range(1001)), "application/x-www-form-urlencoded", 400),
        (b"key=a%00b", "application/x-www-form-urlencoded", 422),
        (b"", "application/x-www-form-urlencoded", 401),
        (b"key=x", "Application/X-WWW-Form-Urlencoded; charset=UTF-8", 401),
    ],
)
def test_what_is_no_form_is_told_so(visitor: Visitor, content: bytes, kind: str, status: int) -> None:
    answer = visitor.client.post("/login", content=content, headers={"content-type": kind})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert '<p class="code" aria-hidden="true">' in answer.text or 'role="alert"' in answer.text


@pytest.mark.parametrize("path", [*addresses(), "/exports/exp_none"])
def test_head_is_answered_as_get_without_the_body(inside: Visitor, path: str) -> None:
    whole, head = inside.get(path), inside.client.head(path)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    # The rest differs from one request to the next.
    for name in ("content-type", "content-security-policy", "cache-control"):
        assert head.headers[name] == whole.headers[name]


@pytest.mark.parametrize("path", ["/logout", "/live"])
def test_the_wrong_method_is_told_which_one_it_takes(inside: Visitor, path: str) -> None:
    answer = inside.get(path) if path == "/logout" else inside.send(path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST" if path == "/logout" else "GET")


def test_a_page_that_is_not_there_names_no_way_to_another_site(inside: Visitor, front: Stack) -> None:
    headers = {"referer": f"{front.url}//evil.test/x"}
    answer = inside.get("/nothing", headers=headers)
    assert answer.status_code == 404
    assert 'href="//' not in answer.text


@pytest.mark.parametrize("path", addresses())
def test_whoever_may_only_read_sees_one_form_the_log_out(front: Stack, path: str) -> None:
    with Visitor(front) as visitor:
        visitor.log_in(new_key(Settings(home=front.home), Scope.READ))
        text = visitor.get(path).text
    posts = re.findall(r'<form[^>]* method="post"[^>]*>', text)
    if path == "/login":
        assert len(posts) == 1
    elif path != "/docs":
        assert posts == ['<form method="post" action="/logout">']
        assert "read only" in text


def test_what_a_key_may_not_do_is_a_page_for_a_person(front: Stack) -> None:
    with Visitor(front) as visitor:
        visitor.log_in(new_key(Settings(home=front.home), Scope.READ))
        text = visitor.get("/").text
        assert "New export" not in text
        assert 'href="/keys"' not in text
