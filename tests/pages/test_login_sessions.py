"""Promises of the session of the pages: what its cookie opens, and when it ends."""

import sqlite3
from contextlib import closing
from http.cookies import SimpleCookie

import pytest

from landfall.database.keys import Scope
from landfall.settings import Settings
from tests.pages.browsing import ACCEPT, WRONG, Visitor, revoke
from tests.stack import Stack, new_key, until

OVER_TLS = {"x-forwarded-proto": "https"}


def cookies(answer_headers: list[str]) -> SimpleCookie:
    found: SimpleCookie = SimpleCookie()
    for each in answer_headers:
        found.load(each)
    return found


def run_sql(front: Stack, statement: str) -> None:
    with closing(sqlite3.connect(front.home / "landfall.db", timeout=30)) as database, database:
        database.execute(statement)


def test_the_cookie_can_be_read_by_no_script_and_sent_by_no_other_site(front: Stack, visitor: Visitor) -> None:
    answer = visitor.log_in(front.key)
    ((name, cookie),) = cookies(answer.headers.get_list("set-cookie")).items()
    assert name == f"landfall_session_{front.port}"
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "lax", "/")
    assert (cookie["secure"], cookie["domain"], cookie["expires"], cookie["max-age"]) == ("", "", "", "")
    assert len(cookie.value) == 43


def test_behind_a_proxy_that_speaks_tls_the_cookie_goes_nowhere_else(front: Stack) -> None:
    with Visitor(front, **OVER_TLS) as visitor:
        answer = visitor.log_in(front.key)
        ((name, cookie),) = cookies(answer.headers.get_list("set-cookie")).items()
        assert name == f"__Host-landfall_session_{front.port}"
        assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "lax")
        assert (cookie["path"], cookie["domain"]) == ("/", "")
        shown = {"cookie": f"{name}={cookie.value}"}
        assert visitor.get("/", headers=shown).status_code == 200
        # Under the name that any site of the host may set it is nobody's.
        assert visitor.get("/", headers={"cookie": f"landfall_session_{front.port}={cookie.value}"}).status_code == 303


def test_a_log_in_takes_no_session_that_somebody_else_has_handed_over(front: Stack, visitor: Visitor) -> None:
    planted = "planted" * 6
    visitor.client.cookies.set(f"landfall_session_{front.port}", planted, domain="127.0.0.1")
    assert not visitor.is_in
    visitor.client.cookies.clear()
    answer = visitor.log_in(front.key, cookie=f"landfall_session_{front.port}={planted}")
    assert planted not in answer.headers["set-cookie"]
    with Visitor(front, cookie=f"landfall_session_{front.port}={planted}") as other:
        assert not other.is_in


def test_a_second_log_in_ends_the_session_before_it(front: Stack, visitor: Visitor) -> None:
    visitor.log_in(front.key)
    before = visitor.token
    visitor.log_in(front.key)
    assert visitor.token != before
    with Visitor(front, cookie=f"landfall_session_{front.port}={before}") as other:
        assert not other.is_in
    assert visitor.is_in


def test_a_log_out_ends_the_session_for_whoever_has_kept_the_cookie(front: Stack, visitor: Visitor) -> None:
    visitor.log_in(front.key)
    kept = visitor.token
    answer = visitor.log_out()
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert not visitor.client.cookies
    with Visitor(front, cookie=f"landfall_session_{front.port}={kept}") as other:
        assert not other.is_in


def test_one_log_out_leaves_the_other_sessions_of_the_key(front: Stack, visitor: Visitor) -> None:
    visitor.log_in(front.key)
    with Visitor(front) as other:
        other.log_in(front.key)
        visitor.log_out()
        assert other.is_in


def test_a_session_ends_with_its_key(front: Stack, visitor: Visitor) -> None:
    key = new_key(Settings(home=front.home))
    visitor.log_in(key)
    assert visitor.is_in
    revoke(front, key)
    until(lambda: not visitor.is_in, "a session that opens nothing")


def test_a_session_ends_when_nobody_looks_for_half_a_day(front: Stack, visitor: Visitor) -> None:
    visitor.log_in(front.key)
    run_sql(front, "UPDATE sessions SET expires_at = strftime('%Y-%m-%d %H:%M:%f000', 'now', '-1 seconds')")
    until(lambda: not visitor.is_in, "a session that opens nothing")


def test_a_session_is_extended_by_looking_at_a_page(front: Stack, visitor: Visitor) -> None:
    visitor.log_in(front.key)
    soon = "strftime('%Y-%m-%d %H:%M:%f000', 'now', '+60 seconds')"
    run_sql(front, f"UPDATE sessions SET expires_at = {soon}")  # noqa: S608 - a literal of ours

    def extended() -> bool:
        assert visitor.is_in
        with closing(sqlite3.connect(front.home / "landfall.db", timeout=30)) as database:
            statement = "SELECT count(*) FROM sessions WHERE expires_at > datetime('now', '+11 hours')"
            return bool(database.execute(statement).fetchone()[0])

    until(extended, "a session that is good for longer")


def test_the_cookie_opens_nothing_that_is_for_programs(front: Stack, visitor: Visitor) -> None:
    visitor.log_in(front.key)
    for accept in (ACCEPT, "application/json"):
        for path in ("/v1/exports", "/v1/keys", "/v1/openapi.json", "/v1/events", "/metrics"):
            answer = visitor.get(path, headers={"accept": accept})
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), path
    made = visitor.client.post("/v1/keys", json={"name": "mine"})
    assert made.status_code == 401


def test_whoever_shows_a_key_is_judged_by_it_alone(front: Stack, visitor: Visitor) -> None:
    visitor.log_in(front.key)
    plain = {"accept": "application/json"}
    assert visitor.get("/", headers=plain | {"authorization": f"Bearer {WRONG}"}).status_code == 401
    key = new_key(Settings(home=front.home), Scope.READ)
    page = visitor.get("/", headers={"authorization": f"Bearer {key}"})
    assert (page.status_code, "<form" in page.text) == (200, False)


@pytest.mark.parametrize(
    "cookie", [b"x", b"={}", b"landfall_session=\x80", b";;=;", b"landfall_session_1=" + b"x" * 4000]
)
def test_a_cookie_that_is_none_of_ours_is_none(visitor: Visitor, cookie: bytes) -> None:
    answer = visitor.client.get("/", headers=[(b"cookie", cookie)])
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


@pytest.mark.parametrize("cookie", ['a={"x": [1, 2]}', "a b", 'a="x y', "a/b=1", "=", "landfall_session=old"])
def test_the_cookies_of_other_programs_of_the_host_do_not_shut_anybody_out(
    front: Stack, visitor: Visitor, cookie: str
) -> None:
    visitor.log_in(front.key)
    own = f"landfall_session_{front.port}={visitor.token}"
    for both in (f"{cookie}; {own}", f"{own}; {cookie}"):
        with Visitor(front, cookie=both) as other:
            assert other.is_in
