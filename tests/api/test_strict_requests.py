"""Checks that a request means what it says: names that are known, JSON that means one thing, text that can be kept."""

from typing import Any

import pytest

from api.strict_json import MOST_DEPTH, MOST_NAMES, MOST_PARTS
from tests.stack import Stack

KIND = {"content-type": "application/json"}
NESTED = b'{"account": "shop-ab", "request": {"filters": %s}}'
TOO_DEEP = f"more than {MOST_DEPTH} levels"

# What is sent, the status, where it is wrong, and words of the sentence.
BODIES: dict[str, tuple[bytes, int, str, str]] = {
    "cut off": (b'{"account": ', 400, "", "line 1, column 13"),
    "a comment": (b'{\n  "account": "a", // name\n}', 400, "", "line 2, column 19"),
    "NaN": (b'{"priority": NaN}', 400, "", "NaN is no number in JSON"),
    "Infinity": (b'{"priority": -Infinity}', 400, "", "-Infinity is no number"),
    "two values": (b"{} {}", 400, "", "extra data"),
    "not UTF-8": (b'{"account": "\xe9"}', 400, "", "not UTF-8 at byte 14"),
    "UTF-16": ('{"account": "a"}'.encode("utf-16"), 400, "", "not UTF-8 at byte 1"),
    "a raw control character": (b'{"account": "a\nb"}', 400, "", "control character"),
    "a key twice": (b'{"account": "a", "account": "b"}', 422, "/account", "twice"),
    "a key twice, deep inside": (b'{"labels": [{"a/b": {"c": 1, "\\u0063": 2}}]}', 422, "/labels/0/a~1b/c", "twice"),
    "a number beyond all": (b'{"labels": {"a": [1, 1e400]}}', 422, "/labels/a/1", "too big"),
    "a number of thousands of digits": (b'{"priority": %s}' % (b"9" * 5000), 422, "", "digits"),
    "NUL": (b'{"labels": {"a": "x\\u0000"}}', 422, "/labels/a", "NUL"),
    "NUL in a name": (b'{"labels": {"x\\u0000": "a"}}', 422, "/labels", "NUL"),
    "half a pair": (b'{"request": {"report_type": "\\ud800"}}', 422, "/request/report_type", "surrogate"),
    "half a pair in a name": (b'{"\\udc00": 1}', 422, "", "surrogate"),
    "nested too deep": (NESTED % (b"[" * 40 + b"]" * 40), 422, "/request/filters" + "/0" * 30, TOO_DEEP),
    "nested to crash": (b"[" * 100_000 + b"]" * 100_000, 422, "", TOO_DEEP),
    "nested objects to crash": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 422, "", TOO_DEEP),
    "a list": (b"[]", 422, "", "object"),
    "null": (b"null", 422, "", ""),
    "nothing": (b"", 422, "", "required"),
}


@pytest.mark.parametrize(("body", "status", "pointer", "words"), BODIES.values(), ids=BODIES)
def test_json_that_is_none_or_means_two_things_is_refused_where_it_does(
    api: Stack, body: bytes, status: int, pointer: str, words: str
) -> None:
    answer = api.post("/v1/exports", content=body, headers=KIND)
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (status, status)
    assert problem["code"] == ("invalid_json" if status == 400 else "invalid_request")
    [error] = [error for error in problem["errors"] if error["pointer"] == pointer]
    assert words in error["detail"]
    assert words in problem["detail"]


def test_an_object_of_very_many_names_is_refused_at_once(api: Stack) -> None:
    names = ",".join(f'"{number}":0' for number in range(200_000))
    # Where each were looked at it would take minutes, and nobody else would be served.
    answer = api.post("/v1/exports", content=f'{{{names},"z":0,"z":0}}'.encode(), headers=KIND)
    assert (answer.status_code, answer.json()["detail"]) == (422, f"an object in it has more than {MOST_NAMES} names")


def test_a_body_of_very_many_parts_is_refused_at_once(api: Stack) -> None:
    answer = api.post("/v1/exports", content=b"[" + b"{}," * MOST_PARTS + b"{}]", headers=KIND)
    assert (answer.status_code, f"more than {MOST_PARTS}" in answer.json()["detail"]) == (422, True)


@pytest.mark.parametrize(
    "body",
    [
        {f"x{number}": 0 for number in range(1000)},
        {"account": "shop-bwp", "request": {f"x{number}": 0 for number in range(1000)}},
        {"account": "shop-bwp", "request": {"report_type": "USER_EVENTS"}, "labels": {f"X{n}": 0 for n in range(1000)}},
    ],
    ids=["fields", "fields of the request", "labels"],
)
def test_of_very_many_mistakes_a_hundred_are_named(api: Stack, body: dict[str, Any]) -> None:
    one, several = api.post("/v1/exports", json=body), api.post("/v1/batches", json={"exports": [body] * 3})
    assert [len(answer.json()["errors"]) for answer in (one, several)] == [100, 100]


def test_of_very_many_wrong_parameters_a_hundred_are_named(api: Stack) -> None:
    unknown = api.get("/v1/exports?" + "&".join(f"x{number}" for number in range(1000)))
    wrong = api.get("/v1/exports?" + "&".join(["state=x"] * 1000))
    assert [len(answer.json()["errors"]) for answer in (unknown, wrong)] == [100, 100]


def test_whole_pairs_and_any_other_text_are_taken(api: Stack) -> None:
    body = b'{"account": "shop-bwp", "request": {"report_type": "USER_EVENTS"}, "labels": {"a": "\\ud83d\\ude00 \\\\u0000"}}'
    answer = api.post("/v1/exports", content=body, headers=KIND)
    assert answer.status_code in {200, 202}


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=utf-8", 'application/json;charset="UTF-8"']
)
def test_json_is_taken_by_its_name(api: Stack, kind: str) -> None:
    assert api.post("/v1/exports", content=b"{}", headers={"content-type": kind}).status_code == 422


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/jsonp"},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
)
def test_a_body_that_is_not_said_to_be_json_is_not_read(api: Stack, headers: dict[str, str]) -> None:
    answer = api.post("/v1/exports", content=b"{}", headers=headers)
    assert (answer.status_code, answer.headers["accept-post"]) == (415, "application/json")
    assert answer.json()["errors"][0]["header"] in {"Content-Type", "Content-Encoding"}


def test_a_change_that_is_not_said_to_be_json_is_told_what_a_change_is_sent_as(api: Stack) -> None:
    answer = api.call("PATCH", "/v1/exports/exp_1", content=b"{}", headers={"content-type": "text/plain"})
    assert (answer.status_code, answer.headers["accept-patch"]) == (415, "application/json")


@pytest.mark.parametrize(
    ("body", "pointers"),
    [(b'{"a/b": 1, "c": 2}', ["/a~1b", "/c"]), (b"[1]", [""]), (b"{}", None), (b"", None)],
)
def test_an_address_that_takes_no_body_refuses_one_that_says_something(
    api: Stack, body: bytes, pointers: list[str] | None
) -> None:
    answer = api.post("/v1/exports/exp_none/cancel", content=body, headers=KIND)
    problem = answer.json()
    assert answer.status_code == (422 if pointers else 404)
    assert [error["pointer"] for error in problem["errors"]] == (pointers or [])


@pytest.mark.parametrize("action", ["cancel", "retry"])
def test_a_dry_run_of_a_batch_is_refused_and_changes_nothing(api: Stack, action: str) -> None:
    wanted = {"account": "shop-bwp", "request": {"report_type": "USER_EVENTS"}, "force": True}
    made = api.post("/v1/batches", json={"exports": [wanted]}).json()
    answer = api.post(f"/v1/batches/{made['id']}/{action}", json={"dry_run": True})
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/dry_run"]
    assert api.get(f"/v1/batches/{made['id']}").json()["exports"] == made["exports"]


ORDERS = {"experience_id": "23272b65-efac-412d-a8aa-ce8ef41bb448", "export_type": "orders"}


@pytest.mark.parametrize(
    ("path", "body", "pointer", "words"),
    [
        ("/v1/exports", {"acount": "shop-ab"}, "/acount", "did you mean 'account'?"),
        (
            "/v1/exports",
            {"account": "shop-ab", "request": {**ORDERS, "exp_type": "x"}},
            "/request/exp_type",
            "did you mean 'export_type'?",
        ),
        ("/v1/exports/cancel", {"filter": {"stat": "queued"}}, "/filter/stat", "did you mean 'state'?"),
        ("/v1/exports", {"x" * 5000: 1}, "/" + "x" * 5000, "there is no such field"),
    ],
)
def test_a_field_that_is_misspelt_is_answered_with_the_one_that_was_meant(
    api: Stack, path: str, body: dict[str, Any], pointer: str, words: str
) -> None:
    problem = api.post(path, json=body).json()
    found = {error["pointer"]: error["detail"] for error in problem["errors"]}
    assert words in found[pointer]


@pytest.mark.parametrize(
    ("query", "name", "words"),
    [
        ("stat=queued", "stat", "there is no such parameter; did you mean 'state'?"),
        ("colour=red", "colour", "there is no such parameter"),
        ("=x", "", "there is no such parameter"),
        ("limit=5&limit=6", "limit", "more than once"),
        ("account=a&account=b", "account", "more than once"),
        ("account=a%00b", "account", "NUL"),
        ("since=1700000000", "since", "ISO 8601"),
        ("since=2026-01-31", "since", "ISO 8601"),
        ("since=2026-01-31T00:00:00+01:00", "since", "write + as %2B"),
        ("limit=1e1", "limit", "integer"),
    ],
)
def test_a_query_that_is_not_understood_is_refused(api: Stack, query: str, name: str, words: str) -> None:
    answer = api.get(f"/v1/exports?{query}")
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["parameter"] == name
    assert words in error["detail"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/v1/accounts", "/v1/exports/exp_1", "/metrics"])
def test_what_takes_no_parameters_takes_none(api: Stack, path: str) -> None:
    assert api.get(f"{path}?x=1").json()["errors"] == [
        {"parameter": "x", "detail": "there is no such parameter"},
    ]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/exports", "GET, POST"),
        ("DELETE", "/v1/exports/exp_1", "GET, PATCH"),
        ("POST", "/v1/exports/exp_1/file", "GET, HEAD"),
        ("BREW", "/v1/accounts", "GET"),
        ("OPTIONS", "/v1/accounts", "GET"),
    ],
)
def test_a_wrong_method_is_told_every_right_one(api: Stack, method: str, path: str, allowed: str) -> None:
    answer = api.call(method, path)
    # A method that HTTP does not know is no request at all.
    expected = (400, None) if method == "BREW" else (405, allowed)
    assert (answer.status_code, answer.headers.get("allow")) == expected
