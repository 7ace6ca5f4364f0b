"""Checks the enqueue API as its callers use it."""

from typing import Any

import pytest

from tests.stack import EXPERIENCE, Stack

ORDERS = {"experience_id": f"{EXPERIENCE}48", "export_type": "orders"}
EVENTS = {"report_type": "USER_EVENTS"}


def body(account: str, request: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"account": account, "request": request, "force": True, **more}


def newest(api: Stack) -> list[str]:
    """The ids of the newest exports; one more written would be their first."""
    return [each["id"] for each in api.get("/v1/exports", params={"limit": 10}).json()["items"]]


def test_an_accepted_export_says_where_to_look(api: Stack) -> None:
    answer = api.post("/v1/exports", json=body("shop-ab", ORDERS, priority=3, labels={"team": "growth"}))
    assert answer.status_code == 202
    export = answer.json()
    assert answer.headers["location"] == f"/v1/exports/{export['id']}"
    assert api.get(answer.headers["location"]).json() == export
    assert set(export) == {
        "id", "vendor", "account", "request", "state", "attempts", "polls", "generation", "created_at", "due_at",
        "finished_at", "error", "file", "labels", "priority",
    }  # fmt: skip
    assert (export["vendor"], export["account"], export["labels"]) == ("intelligems", "shop-ab", {"team": "growth"})


def test_a_default_range_is_fixed_when_the_export_is_accepted(api: Stack) -> None:
    request = api.post("/v1/exports", json=body("shop-bwp", EVENTS)).json()["request"]
    assert request["start"] < request["end"]


def test_the_same_request_in_flight_is_answered_with_that_export(api: Stack) -> None:
    first = api.post("/v1/exports", json=body("shop-bwp", EVENTS))
    again = api.post("/v1/exports", json=body("shop-bwp", {**EVENTS, "start": None, "end": None}, force=False))
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["location"] == first.headers["location"]


def test_two_ways_to_write_a_moment_are_the_same_request(api: Stack) -> None:
    first = api.post("/v1/exports", json=body("shop-ab", {**ORDERS, "start": "2026-01-01"}))
    again = api.post("/v1/exports", json=body("shop-ab", {**ORDERS, "start": "2026-01-01T01:00:00+01:00"}, force=False))
    assert again.json()["id"] == first.json()["id"]


BAD: list[tuple[str, dict[str, Any], str, str]] = [
    ("an unknown account", body("nobody", ORDERS), "/account", "known: shop-ab, shop-bwp"),
    ("a malformed UUID", body("shop-ab", {**ORDERS, "experience_id": "abc"}), "/request/experience_id", ""),
    ("a wrong export type", body("shop-ab", {**ORDERS, "export_type": "visits"}), "/request/export_type", "orders"),
    (
        "an end before the start",
        body("shop-bwp", {**EVENTS, "start": "2026-02-01", "end": "2026-01-01"}),
        "/request/end",
        "later than start",
    ),
    ("an unknown request field", body("shop-ab", {**ORDERS, "colour": "red"}), "/request/colour", "no such field"),
    ("an unknown field", body("shop-ab", ORDERS, colour="red"), "/colour", "no such field"),
    ("another vendor's request", body("shop-ab", EVENTS), "/request/experience_id", "required"),
    ("a missing request", {"account": "shop-ab"}, "/request", "required"),
    ("a wrong filter", body("shop-ab", {**ORDERS, "filters": {"deviceType": "tv"}}), "/request/filters/deviceType", ""),
    ("a time without a zone", body("shop-ab", {**ORDERS, "start": "2026-01-01T00:00"}), "/request/start", "time zone"),
    ("a wrong deadline", body("shop-ab", ORDERS, deadline="soon"), "/deadline", "PT12H"),
    ("a deadline in seconds", body("shop-ab", ORDERS, deadline=3600), "/deadline", "PT12H"),
    ("text with NUL", body("shop-ab", ORDERS, labels={"a": "x\0"}), "/labels/a", "NUL"),
    ("a deadline beyond a report's life", body("shop-ab", ORDERS, deadline="P8D"), "/deadline", ""),
    ("a number for text", body("shop-ab", {**ORDERS, "experience_id": 7}), "/request/experience_id", "string"),
    ("a priority out of bounds", body("shop-ab", ORDERS, priority=10_000), "/priority", "1000"),
    ("a label that is no text", body("shop-ab", ORDERS, labels={"a": 1}), "/labels/a", "string"),
]


@pytest.mark.parametrize(("given", "pointer", "cure"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_bad_input_is_refused_by_the_name_of_its_field_and_nothing_is_written(
    api: Stack, given: dict[str, Any], pointer: str, cure: str
) -> None:
    before = newest(api)
    answer = api.post("/v1/exports", json=given)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert pointer in [error["pointer"] for error in problem["errors"]]
    assert pointer.strip("/").replace("/", ".") in problem["detail"]
    assert cure in problem["detail"]
    assert newest(api) == before


def test_a_body_that_is_no_json_is_a_bad_request(api: Stack) -> None:
    answer = api.post("/v1/exports", content=b"{", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")
    assert "at line 1, column 2" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/v1/exports/exp_none", "/v1/exports/exp_none/events", "/v1/exports/exp_none/file"])
def test_an_unknown_export_is_not_found(api: Stack, path: str) -> None:
    answer = api.get(path)
    assert (answer.status_code, answer.json()["detail"]) == (404, "there is no export 'exp_none'")


def test_the_file_of_an_unfinished_export_is_a_conflict_that_names_the_state(api: Stack) -> None:
    export = api.post("/v1/exports", json=body("shop-ab", ORDERS)).json()
    answer = api.get(f"/v1/exports/{export['id']}/file")
    assert answer.status_code == 409
    assert export["state"] in answer.json()["detail"]


def test_pages_follow_each_other_through_their_cursors(api: Stack) -> None:
    made = [api.post("/v1/exports", json=body("shop-ab", ORDERS, labels={"run": "p"})).json()["id"] for _ in range(5)]
    seen: list[str] = []
    query: dict[str, Any] = {"label": "run:p", "limit": 2}
    while True:
        page = api.get("/v1/exports", params=query).json()
        seen += [export["id"] for export in page["items"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert seen == made[::-1]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"cursor": "made-up"}, "cursor"),
        ({"cursor": "WyIyMDI2LTAxLTAxVDAwOjAwOjAwIiwieCJd"}, "cursor"),
        ({"limit": 0}, "limit"),
        ({"limit": 201}, "limit"),
        ({"state": "lost"}, "state"),
        ({"label": "no-colon"}, "label"),
        ({"since": "yesterday"}, "since"),
        ({"since": "0001-01-01T00:00:00+14:00"}, "since"),
        ({"label": 'a"b:x'}, "label"),
        ({"since": "2026-01-01T00:00:00"}, "since"),
    ],
)
def test_a_bad_query_is_refused_by_the_name_of_its_parameter(api: Stack, query: dict[str, Any], name: str) -> None:
    answer = api.get("/v1/exports", params=query)
    assert answer.status_code == 422
    assert [error["parameter"] for error in answer.json()["errors"]] == [name]


def test_a_filter_by_state_may_be_given_more_than_once(api: Stack) -> None:
    for _ in range(7):
        api.post("/v1/exports", json=body("shop-bwp", EVENTS))
    # Those that wait may be more than a page, and newer than those that have a slot.
    for states in (["starting", "stored"], ["stored", "starting"]):
        items = api.get("/v1/exports", params={"state": states, "limit": 200}).json()["items"]
        assert "starting" in {export["state"] for export in items} <= {"starting", "stored"}


def test_an_account_never_uses_more_slots_than_it_has(api: Stack) -> None:
    for _ in range(7):
        api.post("/v1/exports", json=body("shop-bwp", EVENTS))
    accounts = {each["name"]: each for each in api.get("/v1/accounts").json()["items"]}
    assert set(accounts) == {"shop-ab", "shop-bwp"}
    assert accounts["shop-bwp"]["slots_used"] == accounts["shop-bwp"]["max_started"] == 5
    assert accounts["shop-bwp"]["queued"] >= 2
