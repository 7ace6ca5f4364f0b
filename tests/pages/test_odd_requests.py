"""Promises of what the pages make of requests that no browser sends: a clear answer, and little work."""

import socket

import pytest

from tests.api.beside import another_api
from tests.pages.browsing import WRONG, Visitor
from tests.pages.desk import send
from tests.stack import Stack

NO_ADDRESS = "http://["
FORM = {"content-type": "application/x-www-form-urlencoded"}


def test_a_referer_that_is_no_address_is_none(front: Stack, visitor: Visitor) -> None:
    answer = visitor.send("/logout", headers={"referer": NO_ADDRESS})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    visitor.log_in(front.key)
    answer = visitor.get("/nothing", headers={"referer": NO_ADDRESS})
    assert (answer.status_code, 'href="/">Go back' in answer.text) == (404, True)


@pytest.mark.parametrize("origin", [NO_ADDRESS, "", "127.0.0.1", "//"])
def test_an_origin_that_is_no_address_is_another_site(front: Stack, visitor: Visitor, origin: str) -> None:
    assert visitor.send("/login", {"key": front.key}, {"origin": origin}).status_code == 403


def test_a_request_without_a_host_comes_from_no_page(front: Stack) -> None:
    head = "POST /logout HTTP/1.1\r\nhost:\r\naccept: text/html\r\nreferer: nothing\r\ncontent-length: 0\r\n\r\n"
    with socket.create_connection(("127.0.0.1", front.port), timeout=30) as connection:
        connection.sendall(head.encode())
        answer = connection.recv(100)
    assert b" 500 " not in answer


def test_a_form_that_is_longer_than_any_of_ours_is_not_read(front: Stack, visitor: Visitor) -> None:
    long = b"key=" + b"%41" * (1 << 20)
    refused = visitor.client.post("/login", content=long, headers=FORM)
    assert (refused.status_code, "longer than 128 KiB" in refused.text) == (413, True)
    visitor.log_in(front.key)
    assert visitor.client.post("/logout", content=long, headers=FORM).status_code == 413
    assert visitor.is_in


def test_whoever_logs_in_again_and_again_is_bounded_as_all_who_hold_the_key(front: Stack) -> None:
    with (
        another_api(front, LANDFALL_API_RATE_LIMIT="0.01", LANDFALL_API_RATE_BURST="3") as strict,
        Visitor(strict) as visitor,
    ):
        tried = [visitor.log_in(strict.key) for _ in range(5)]
        assert {answer.status_code for answer in tried} == {303, 429}
        assert int(tried[-1].headers["retry-after"]) > 0
        assert "asks too often" in tried[-1].text
        # Whoever holds none takes nothing away from them.
        assert visitor.log_in(WRONG).status_code == 401


@pytest.mark.parametrize(
    ("scheme", "host", "name"),
    [
        ("http", "127.0.0.1:8001", "landfall_session_8001"),
        ("http", "127.0.0.1", "landfall_session"),
        ("http", "[::1]:8001", "landfall_session_8001"),
        ("http", "[::1]", "landfall_session"),
        ("https", "127.0.0.1", "__Host-landfall_session"),
        ("https", "127.0.0.1:8443", "__Host-landfall_session_8443"),
    ],
)
def test_landfalls_that_are_published_at_one_host_keep_their_sessions_apart(
    front: Stack, scheme: str, host: str, name: str
) -> None:
    """As two containers are, which listen at the same port of their own."""
    with Visitor(front, **{"host": host, "x-forwarded-proto": scheme}) as visitor:
        answer = visitor.log_in(front.key, origin=f"{scheme}://{host}")
        set_as, _, rest = answer.headers["set-cookie"].partition("=")
        assert set_as == name
        assert visitor.get("/", headers={"cookie": f"{name}={rest.partition(';')[0]}"}).status_code == 200


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"deviceType": "mobile", "deviceType": "desktop"}', "it stands here twice; write it once"),
        ("[1, 2", "this is no JSON; write it as in the example"),
        ("NaN", "this is no JSON; write it as in the example"),
        ('{"countryCodes": ["\\u0000"]}', "NUL characters"),
        ('{"countryCodes": ["\\ud800"]}', "half a surrogate pair"),
        ('{"countryCodes": 1e999}', "the number is too big"),
    ],
)
def test_json_in_a_form_is_read_as_strictly_as_the_api_reads_it(
    front: Stack, visitor: Visitor, text: str, told: str
) -> None:
    visitor.log_in(front.key)
    fields = {
        "account": "shop-ab",
        "request.experience_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "request.export_type": "orders",
        "request.filters": text,
    }
    answer = send(visitor, "/exports/new", fields)
    assert (answer.status_code, told in answer.text) == (422, True)
