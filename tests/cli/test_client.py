"""Promises about what the command makes of an API's answers."""

import hashlib
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.client import Api
from cli.failures import CommandError, RefusedError, UnreachableError, WrongInputError
from landfall_client.downloading import Wanted, pieces
from landfall_client.reading import file_of
from tests.cli.running import landfall

Answers = Callable[..., Api]


@pytest.fixture
def answering() -> Iterator[Answers]:
    """Serves one answer to every request."""
    servers: list[http.server.ThreadingHTTPServer] = []

    def serve(status: int, body: bytes | dict[str, Any], length: int | None = None) -> Api:
        content = json.dumps(body).encode() if isinstance(body, dict) else body

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(content) if length is None else length))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return Api(f"http://127.0.0.1:{server.server_address[1]}")

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def download(api: Api, content: bytes) -> bytes:
    sha256 = hashlib.sha256(content).hexdigest()
    file = file_of({"uri": "file:///x.csv", "bytes": len(content), "rows": 1, "sha256": sha256})
    assert file
    return b"".join(api.iterate(pieces(Wanted(api.place, "exp_served", file))))


def problem(status: int, detail: str, *errors: dict[str, str]) -> dict[str, Any]:
    return {"type": "about:blank", "title": "…", "status": status, "detail": detail, "errors": list(errors)}


@pytest.mark.parametrize(
    ("pointer", "line"),
    [
        ("/request/end", "end: wrong"),
        ("/account", "account: wrong"),
        ("/request/filters/deviceType", "filters.deviceType: wrong"),
        ("/request/a~1b", "a/b: wrong"),
        ("/request", "wrong"),
        ("", "wrong"),
    ],
)
def test_a_refused_field_is_one_line_in_the_user_s_words(answering: Answers, pointer: str, line: str) -> None:
    api = answering(422, problem(422, "no", {"pointer": pointer, "detail": "wrong"}))
    with pytest.raises(RefusedError) as caught:
        api.get("/")
    assert str(caught.value) == line


def test_two_refused_fields_are_two_lines(answering: Answers) -> None:
    errors = [{"pointer": "/request/start", "detail": "late"}, {"parameter": "limit", "detail": "high"}]
    with pytest.raises(RefusedError, match=r"^start: late\nlimit: high$"):
        answering(422, problem(422, "no", *errors)).get("/")


@pytest.mark.parametrize(("status", "code"), [(400, 2), (404, 2), (422, 2), (403, 1), (500, 1), (503, 1)])
def test_wrong_input_is_told_from_what_cannot_be_done(answering: Answers, status: int, code: int) -> None:
    with pytest.raises(CommandError, match="the sentence") as caught:
        answering(status, problem(status, "the sentence")).get("/")
    assert caught.value.exit_code == code


def test_an_api_that_wants_a_key_says_how_to_name_one(answering: Answers) -> None:
    with pytest.raises(
        CommandError, match=r"needs a key: .*name the file that holds the key with --key-file, or set LANDFALL_API_KEY"
    ):
        answering(401, problem(401, "no key")).get("/")


def test_a_key_that_is_refused_is_told_in_the_api_s_words(answering: Answers) -> None:
    api = Api(answering(401, problem(401, "this API key was revoked")).url, key="lf_x")
    with pytest.raises(CommandError, match=r"^this API key was revoked$"):
        api.get("/")


@pytest.mark.parametrize(("status", "body"), [(200, b"<html>"), (404, b"<html>"), (500, b""), (404, {"error": "x"})])
def test_an_answer_of_something_else_says_so(answering: Answers, status: int, body: Any) -> None:
    with pytest.raises(CommandError, match="is not Landfall"):
        answering(status, body).get("/")


def test_nobody_there_is_one_sentence_with_the_cure() -> None:
    with pytest.raises(UnreachableError, match=r"no Landfall answers at .*: start it with `landfall up` or name it"):
        Api("http://127.0.0.1:9").get("/")


@pytest.mark.parametrize("url", ["nonsense", "ftp://host", "http://", "http://host:port", "http://[::1"])
def test_an_address_that_is_none_is_wrong_input(url: str) -> None:
    with pytest.raises(WrongInputError, match="write it as http://host:port"):
        Api(url)


def test_a_body_that_ends_early_is_never_taken_for_whole(answering: Answers) -> None:
    with pytest.raises(CommandError, match=r"broke before the file was whole|broke; try again"):
        download(answering(200, b"half", length=8), b"half and")


def test_a_body_arrives_whole(answering: Answers) -> None:
    content = b"x" * 3_000_000
    assert download(answering(200, content), content) == content


def test_accounts_tell_what_keeps_landfall_from_calling_the_vendor_and_what_is_stale(
    answering: Answers, tmp_path: Path
) -> None:
    refused = {"code": "credentials_refused", "message": "no\tentry", "action": "Renew them."}
    free = {"vendor": "acme", "slots_used": 1, "limit": 2, "max_started": 5, "queued": 7}
    api = answering(
        200,
        {
            "items": [
                free | {"name": "a", "blocked_until": "2999-01-31T12:00:00Z", "breaker": None},
                free
                | {
                    "name": "b",
                    "blocked_until": "2001-01-31T12:00:00Z",
                    "breaker": None,
                    "paused_at": "2026-01-31T12:00:00Z",
                    "paused_by": "anna",
                },
                free
                | {
                    "name": "c",
                    "blocked_until": None,
                    "breaker": {"state": "open", "error": refused, "until": "2999-01-31T12:00:00Z"},
                },
                free
                | {
                    "name": "d",
                    "blocked_until": None,
                    "breaker": {"state": "half_open", "error": refused, "until": None},
                    "freshness": [
                        {"report_type": "orders", "age_seconds": 150_000.0, "target_seconds": 129_600.0, "met": False},
                        {"report_type": "items", "age_seconds": None, "target_seconds": 60.0, "met": False},
                        {"report_type": "sales", "age_seconds": 5.0, "target_seconds": 60.0, "met": True},
                        {"report_type": "taxes", "age_seconds": 5e6, "target_seconds": None, "met": None},
                    ],
                },
            ]
        },
    )
    stale = "orders: 41 h 40 min old, target 36 h 00 min; items: nothing stored yet, target 1 min 00 s"
    ended = landfall(tmp_path, "accounts", "--url", api.url, env={"TZ": "UTC"})
    header, *rows = [line.split("\t") for line in ended.stdout.splitlines()]
    assert header == [
        "NAME",
        "VENDOR",
        "SLOTS_USED",
        "LIMIT",
        "MAX_STARTED",
        "QUEUED",
        "BLOCKED_UNTIL",
        "BREAKER",
        "PAUSED_SINCE",
        "PAUSED_BY",
        "STALE",
    ]
    assert [row[1:6] for row in rows] == [["acme", "1", "2", "5", "7"]] * 4
    assert [[row[0], *row[6:]] for row in rows] == [
        ["a", "2999-01-31 12:00:00", "", "", "", ""],
        ["b", "", "", "2026-01-31 12:00:00", "anna", ""],
        ["c", "", "open until 2999-01-31 12:00:00: credentials_refused: no entry", "", "", ""],
        ["d", "", "half_open: credentials_refused: no entry", "", "", stale],
    ]
