"""Promises of the log-in: what opens the pages, and where it leads to."""

import json
from datetime import timedelta

import pytest

from landfall.settings import Settings
from tests.api.beside import another_api
from tests.pages.browsing import PROXY, WRONG, Visitor, revoke
from tests.stack import Stack, new_key, until


def test_a_good_key_opens_the_pages(front: Stack, visitor: Visitor) -> None:
    answer = visitor.log_in(front.key)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    page = visitor.get("/")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<h1>Overview</h1>" in page.text


def test_a_key_that_was_pasted_with_spaces_around_it_is_good(front: Stack, visitor: Visitor) -> None:
    assert visitor.log_in(f" {front.key}\n").status_code == 303


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("nothing", "Paste an API key"),
        ("nonsense", "not known here"),
        ("wrong", "not known here"),
        ("revoked", "was revoked on"),
        ("expired", "expired on"),
        ("<b>bold</b>", "not known here"),
    ],
)
def test_a_key_that_is_not_good_gets_the_log_in_again_and_the_reason(
    front: Stack, visitor: Visitor, kind: str, word: str
) -> None:
    settings = Settings(home=front.home)
    key = {"nothing": " ", "wrong": WRONG}.get(kind, kind)
    if kind == "expired":
        key = new_key(settings, expires_in=timedelta(microseconds=1))
    if kind == "revoked":
        key = new_key(settings)
        revoke(front, key)
    answer = visitor.log_in(key, "/exports?state=failed")
    assert (answer.status_code, answer.headers.get("set-cookie")) == (401, None)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert word in answer.text
    assert 'role="alert"' in answer.text
    assert 'name="next" value="/exports?state=failed"' in answer.text
    assert not key.strip() or key.strip() not in answer.text
    assert not visitor.is_in


def test_nobody_may_try_many_keys(front: Stack) -> None:
    with (
        another_api(front, LANDFALL_API_PROXIES=PROXY, LANDFALL_API_WRONG_KEYS="3") as strict,
        Visitor(strict) as visitor,
    ):
        tried = [visitor.log_in(WRONG) for _ in range(8)]
        refused = next(answer for answer in tried if answer.status_code == 429)
        assert {answer.status_code for answer in tried} == {401, 429}
        assert refused.headers["retry-after"] == "1"
        assert "Too many wrong keys" in refused.text
        # Wherever they are tried: at the log-in or at the API.
        bearer = {"authorization": f"Bearer {WRONG}"}
        until(lambda: visitor.log_in(WRONG).status_code == 429, "that it is too many")
        assert strict.get("/v1/accounts", headers=bearer).status_code == 429
        # Others come from elsewhere, and whoever has a key has it at once.
        assert visitor.log_in(WRONG, **{"x-forwarded-for": "203.0.113.7"}).status_code == 401
        assert visitor.log_in(strict.key).status_code == 303


@pytest.mark.parametrize("wanted", ["/", "/exports", "/exports?state=failed&label=a%3Ab", "/accounts#shop-ab", "/?q=ä"])
def test_the_log_in_leads_on_to_the_page_that_was_wanted(front: Stack, visitor: Visitor, wanted: str) -> None:
    assert visitor.log_in(front.key, wanted).headers["location"] == wanted.replace("ä", "%C3%A4")


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.test",
        "///evil.test",
        "/\\evil.test",
        "\\\\evil.test",
        "/a\\..\\\\evil.test",
        "/\t/evil.test",
        "/\n/evil.test",
        "\t//evil.test",
        "https://evil.test/",
        "https:evil.test",
        "http:/evil.test",
        "javascript:alert(1)",
        "data:text/html,x",
        "evil.test",
        "@evil.test",
        "?x",
        "/\u2028/evil.test",
        "",
    ],
)
def test_the_log_in_leads_nowhere_else(front: Stack, visitor: Visitor, wanted: str) -> None:
    page = visitor.get("/login", params={"next": wanted})
    assert 'name="next" value="/"' in page.text
    assert "evil" not in page.text
    assert visitor.log_in(front.key, wanted).headers["location"] == "/"


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/", "/login"),
        ("/docs", "/login?next=%2Fdocs"),
        ("/exports?state=failed&label=a%3Ab", "/login?next=%2Fexports%3Fstate%3Dfailed%26label%3Da%253Ab"),
        ("//evil.test", "/login?next=%2F%2Fevil.test"),
    ],
)
def test_a_page_leads_whoever_is_not_logged_in_to_the_log_in(visitor: Visitor, path: str, location: str) -> None:
    # A client of its own: httpx takes a path that begins with two slashes for a host.
    answer = visitor.client.request("GET", str(visitor.client.base_url).rstrip("/") + path)
    assert (answer.status_code, answer.headers["location"]) == (303, location)
    assert answer.headers["cache-control"] == "no-store"


def test_the_way_to_a_page_goes_by_the_log_in_and_back(front: Stack, visitor: Visitor) -> None:
    wanted = "/exports?label=a%3Ab%26c&state=failed"
    page = visitor.get(visitor.get(wanted).headers["location"])
    assert 'name="next" value="/exports?label=a%3Ab%26c&amp;state=failed"' in page.text
    assert visitor.log_in(front.key, wanted).headers["location"] == wanted


def test_whoever_sends_a_form_after_the_session_has_ended_comes_back_to_its_page(front: Stack) -> None:
    with Visitor(front) as visitor:
        answer = visitor.send("/logout", headers={"referer": f"{front.url}/exports?state=failed"})
        assert answer.headers["location"] == "/login?next=%2Fexports%3Fstate%3Dfailed"
        elsewhere = visitor.send("/logout", headers={"referer": "https://evil.test/exports"})
        assert elsewhere.headers["location"] == "/login"


def test_neither_the_key_nor_the_session_is_in_any_log(front: Stack, visitor: Visitor) -> None:
    visitor.log_in(front.key)
    proof, kept = visitor.form_token(), visitor.token
    visitor.log_in(WRONG)
    visitor.log_out()
    logged = front.log("api")
    assert {"/login", "/logout"} <= {json.loads(line).get("path") for line in logged.splitlines() if line[:1] == "{"}
    assert [text for text in (front.key[12:], kept, proof, WRONG[12:]) if text in logged] == []
