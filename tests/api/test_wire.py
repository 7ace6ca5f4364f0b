"""Checks what the API makes of requests that no good client sends, over raw sockets."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests import forked
from tests.api.beside import another_api
from tests.api.raw import PATIENCE_SECONDS, Answer, ask, exchange, first, head
from tests.stack import Stack, until

MOST = 2048
JSON = "Content-Type: application/json"


@pytest.fixture(scope="module")
def small(api: Stack) -> Iterator[Stack]:
    """An API of small limits and little patience."""
    with another_api(api, LANDFALL_API_MAX_BODY_BYTES=str(MOST), LANDFALL_API_PATIENCE_SECONDS="0.5") as other:
        yield other


def post(stack: Stack, *headers: str) -> bytes:
    return head("POST", "/v1/exports", JSON, f"Authorization: Bearer {stack.key}", *headers)


def read_one(connection: socket.socket) -> Answer:
    """Read one answer, whose body is an object of JSON."""
    data = b""
    while not data.endswith(b"}"):
        piece = connection.recv(1 << 16)
        assert piece, data
        data += piece
    return first(data)


def chunk(size: int) -> bytes:
    return b"%x\r\n%s\r\n" % (size, b" " * size)


def test_a_body_that_says_it_is_too_long_is_refused_unread(small: Stack) -> None:
    answer = ask(small.port, post(small, f"Content-Length: {10**12}"))
    assert (answer.status, answer.problem["code"], answer.headers["connection"]) == (413, "body_too_large", "close")
    assert "api_max_body_bytes" in answer.problem["detail"]


def test_a_body_of_the_longest_length_is_read(small: Stack) -> None:
    answer = ask(small.port, post(small, f"Content-Length: {MOST}", "Connection: close"), b" " * MOST)
    assert (answer.status, answer.problem["code"]) == (400, "invalid_json")


def test_a_chunked_body_is_counted_while_it_comes(small: Stack) -> None:
    answer = ask(small.port, post(small, "Transfer-Encoding: chunked"), *[chunk(MOST // 2)] * 3)
    assert (answer.status, answer.problem["code"], answer.headers["connection"]) == (413, "body_too_large", "close")


def test_who_sends_the_whole_of_a_body_that_is_too_long_still_reads_the_answer(small: Stack) -> None:
    size = 8 << 20
    answer = ask(small.port, post(small, f"Content-Length: {size}"), b" " * size)
    assert answer.problem["code"] == "body_too_large"


def test_who_waits_to_be_told_to_go_on_is_refused_before_it_sends_anything(small: Stack) -> None:
    answer = ask(small.port, post(small, f"Content-Length: {MOST + 1}", "Expect: 100-continue"))
    assert answer.status == 413


def test_a_body_that_stops_coming_is_given_up(small: Stack) -> None:
    answer = ask(small.port, post(small, "Content-Length: 100"), b'{"account"')
    assert (answer.status, answer.problem["code"], answer.headers["connection"]) == (408, "request_timeout", "close")


@pytest.mark.parametrize("begun", [b"", b"GET /v1/exp", b"GET / HTTP/1.1\r\nHost: x\r\nX-A: b"])
def test_a_head_that_does_not_end_is_given_up(small: Stack, begun: bytes) -> None:
    answer = ask(small.port, begun)
    assert (answer.status, answer.problem["code"]) == (408, "request_timeout")


def test_a_second_head_that_does_not_end_is_given_up_too(small: Stack) -> None:
    answer = ask(small.port, head("GET", "/healthz"), b"GET /v1/")
    assert answer.status == 200
    assert first(answer.rest).problem["code"] == "request_timeout"


def test_a_head_without_end_is_cut_off(api: Stack) -> None:
    answer = ask(api.port, b"GET / HTTP/1.1\r\nX-Long: ", *[b"x" * 65536] * 6)
    assert answer.problem["code"] == "request_header_fields_too_large"


@pytest.mark.parametrize("begun", [b"0\r\n", b"0\r\nX-Long: ", b"1;long="], ids=["many", "one", "an extension"])
def test_trailers_without_end_are_cut_off(api: Stack, begun: bytes) -> None:
    line = b"X-A: " + b"x" * 1000 + b"\r\n" if begun == b"0\r\n" else b"x" * 1000
    request = head("POST", "/v1/exports", "Transfer-Encoding: chunked") + begun + line * 64_000
    # Cut off before the answer or behind it, the connection breaks before all of it is sent.
    with (
        socket.create_connection(("127.0.0.1", api.port), timeout=PATIENCE_SECONDS) as connection,
        pytest.raises(ConnectionError),
    ):
        connection.sendall(request)


def test_a_trailer_is_no_header(api: Stack) -> None:
    body = f"0\r\nAuthorization: Bearer {api.key}\r\n\r\n".encode()
    answer = ask(api.port, head("POST", "/v1/exports", "Transfer-Encoding: chunked", "Connection: close") + body)
    assert answer.problem["code"] == "unauthenticated"


@pytest.mark.parametrize(
    ("request_", "then"),
    [
        (head("POST", "/v1/exports", "Content-Length: 1000"), b"x"),
        (head("POST", "/v1/exports", "Content-Length: 1"), b"x"),
        (head("GET", "/healthz"), b"\r\n"),
    ],
    ids=["a body that goes on", "a body that ends", "an empty line"],
)
def test_what_comes_behind_an_answer_holds_no_connection_open(small: Stack, request_: bytes, then: bytes) -> None:
    with socket.create_connection(("127.0.0.1", small.port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(request_)
        read_one(connection)
        connection.sendall(then)
        assert connection.recv(1 << 16) == b""


def test_a_connection_goes_on_behind_a_body_that_came_late(api: Stack) -> None:
    with socket.create_connection(("127.0.0.1", api.port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(head("POST", "/v1/exports", "Content-Length: 1"))
        assert read_one(connection).status == 401
        connection.sendall(b"x" + head("GET", "/healthz"))
        assert read_one(connection).status == 200


@pytest.mark.slow
def test_a_client_that_reads_nothing_of_its_answers_is_left(small: Stack) -> None:
    asked = head("GET", "/v1/openapi.json", f"Authorization: Bearer {small.key}")
    length, at_once = len(small.get("/v1/openapi.json").content), 30

    def told(words: str) -> int:
        return small.log("api").count(words)

    with socket.create_connection(("127.0.0.1", small.port), timeout=PATIENCE_SECONDS) as connection:
        before, sent, read = told("/v1/openapi.json"), 0, 0
        # The system takes some megabytes for the client; what it does not take is the API's to hold.
        while not told("a client that does not read was left"):
            connection.sendall(asked * at_once)
            sent += at_once
            all_answered = before + sent
            until(
                lambda: told("a client that does not read was left") or told("/v1/openapi.json") >= all_answered,  # noqa: B023 - it is called in this round alone
                "answers, or the end of the connection",
            )
        with suppress(ConnectionResetError):
            while piece := connection.recv(1 << 20):
                read += len(piece)
    assert read < sent * length


def test_requests_that_come_at_once_are_answered_one_after_the_other(api: Stack) -> None:
    asked = [head("GET", "/healthz", f"X-Request-Id: {number}") for number in range(20)]
    data = exchange(api.port, b"".join(asked), head("GET", "/healthz", "Connection: close"))
    assert re.findall(rb"x-request-id: (\d+)\r\n", data) == [b"%d" % number for number in range(20)]
    assert data.count(b"HTTP/1.1 200 OK") == 21


def test_who_sends_many_requests_at_once_is_answered_some_and_left(api: Stack) -> None:
    data = exchange(api.port, head("GET", "/healthz") * 500)
    assert 1 < data.count(b"HTTP/1.1 200 OK") < 50
    assert data.count(b"HTTP/1.1") == data.count(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    "garbage",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"hello\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n"],
    ids=["TLS", "no method", "no colon"],
)
def test_what_is_no_http_is_a_problem_too(api: Stack, garbage: bytes) -> None:
    assert ask(api.port, garbage).problem["code"] == "bad_request"


def test_a_body_shorter_than_it_says_harms_nobody(api: Stack) -> None:
    exchange(api.port, post(api, "Content-Length: 500"), b'{"account": "shop-ab"', close=True)
    assert api.get("/healthz").status_code == 200


def test_a_body_longer_than_it_says_is_read_as_far_as_it_says(api: Stack) -> None:
    answer = ask(api.port, post(api, "Content-Length: 2") + b"{}" + b"\x00garbage\r\n\r\n")
    assert (answer.problem["code"], answer.rest) == ("invalid_request", b"")


def test_two_lengths_are_no_request(api: Stack) -> None:
    answer = ask(api.port, post(api, "Content-Length: 2", "Transfer-Encoding: chunked"), b"0\r\n\r\n")
    assert answer.problem["code"] == "bad_request"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8700", "localhost", "LOCALHOST:1", "localhost.", "[::1]:80"])
def test_the_names_of_this_machine_are_answered_to(api: Stack, host: str) -> None:
    assert ask(api.port, head("GET", "/healthz", "Connection: close", host=host)).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8700", "127.0.0.1.evil.example", "localhost@evil", "::1"]
)
def test_a_page_under_another_name_does_not_reach_a_local_api(api: Stack, host: str) -> None:
    answer = ask(api.port, head("GET", "/healthz", "Connection: close", host=host))
    assert (answer.status, answer.problem["code"]) == (421, "misdirected_request")
    assert "api_hosts" in answer.problem["detail"]


def test_a_request_names_one_host(api: Stack) -> None:
    none = ask(api.port, head("GET", "/healthz", "Connection: close", host=None))
    two = ask(api.port, head("GET", "/healthz", "Connection: close", "Host: localhost"))
    assert none.problem["errors"][0]["header"] == two.problem["errors"][0]["header"] == "Host"
    assert none.status == two.status == 400


def test_the_names_of_the_settings_are_answered_to(api: Stack) -> None:
    with another_api(api, LANDFALL_API_HOSTS="landfall.example, *.internal") as other:
        hosts = ("landfall.example:80", "a.internal", "localhost", "other.example", "internal")
        answers = [ask(other.port, head("GET", "/healthz", "Connection: close", host=host)).status for host in hosts]
    assert answers == [200, 200, 200, 421, 421]


def test_an_api_that_is_open_to_a_network_answers_to_any_name_until_it_is_told_its_own(api: Stack) -> None:
    with another_api(api, LANDFALL_API_HOST="0.0.0.0") as other:  # noqa: S104 - the very thing that is tested
        assert ask(other.port, head("GET", "/healthz", "Connection: close", host="anything.example")).status == 200


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("API_HOSTS", "http://landfall.example"),
        ("API_CORS_ORIGINS", "dash.example"),
        ("API_MAX_BODY_BYTES", "1"),
        ("API_PROXIES", "ingress.example"),
        ("API_PROXIES", "10.0.0.1/8"),
    ],
)
def test_a_wrong_setting_of_the_api_is_one_sentence_that_names_it(api: Stack, setting: str, value: str) -> None:
    environment = {**api.environment, f"LANDFALL_{setting}": value}
    done = forked.run("api", folder=api.home, env=environment)
    assert done.returncode == 1
    assert f"LANDFALL_{setting}: " in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_who_leaves_in_the_middle_of_a_body_is_no_mistake_of_landfalls_own(api: Stack) -> None:
    name = "left-in-the-middle"
    with socket.create_connection(("127.0.0.1", api.port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(post(api, "Content-Length: 100", f"X-Request-Id: {name}") + b'{"account"')
    lines = until(lambda: [line for line in api.log("api").splitlines() if name in line], "its line")
    assert [(line["event"], line["status"]) for line in map(json.loads, lines)] == [("request", None)]


@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
def test_an_upgrade_is_declined_without_a_word(api: Stack, protocol: str) -> None:
    request = head("GET", "/healthz", "Connection: Upgrade, close", f"Upgrade: {protocol}", "Sec-WebSocket-Key: x")
    assert ask(api.port, request).status == 200
    assert "upgrade" not in api.log("api").lower()


@pytest.mark.parametrize(
    ("name", "values"),
    [("Content-Type", ("application/json", "text/plain")), ("Content-Encoding", ("identity", "gzip"))],
)
def test_a_body_that_says_two_things_of_itself_is_refused(api: Stack, name: str, values: tuple[str, str]) -> None:
    fields = [f"{name}: {value}" for value in values] + ([] if name == "Content-Type" else [JSON])
    key = f"Authorization: Bearer {api.key}"
    request = head("POST", "/v1/exports", key, *fields, "Content-Length: 2", "Connection: close")
    assert ask(api.port, request + b"{}").problem["code"] == "unsupported_media_type"
