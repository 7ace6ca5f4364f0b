"""Checks batches as their callers use them."""

from datetime import datetime
from typing import Any

import pytest

from landfall.database.keys import Scope
from landfall.settings import Settings
from tests.api.accepting import EVENTS, body, exports, under
from tests.stack import EXPERIENCE, Stack, new_key


def batch(api: Stack, **asked: Any) -> dict[str, Any]:
    answer = api.post("/v1/batches", json=asked)
    assert answer.status_code == 202, answer.text
    made = answer.json()
    assert answer.headers["location"] == f"/v1/batches/{made['id']}"
    return dict(made)


def windows(api: Stack, before: int) -> list[tuple[datetime, datetime]]:
    """The ranges of the exports that are newer than so many, oldest first."""
    every = exports(api)
    made = sorted(every[: len(every) - before], key=lambda export: export["id"])
    return [
        (datetime.fromisoformat(each["request"]["start"]), datetime.fromisoformat(each["request"]["end"]))
        for each in made
    ]


def test_a_batch_says_where_to_look_and_how_it_stands(api: Stack) -> None:
    made = batch(api, exports=[body(number, force=True) for number in range(7)], labels={"run": "seven"})
    assert set(made) == {
        "id", "created_at", "finished_at", "requested", "exports", "failures", "labels", "progress",
    }  # fmt: skip
    assert (made["requested"], made["exports"]["total"], sum(made["exports"]["by_state"].values())) == (7, 7, 7)
    assert (made["finished_at"], made["progress"], made["failures"]) == (None, 0.0, [])
    assert api.get(f"/v1/batches/{made['id']}").json() == made
    assert api.get("/v1/batches", params={"limit": 1}).json()["items"] == [made]
    found = api.get("/v1/exports", params={"label": "run:seven"}).json()["items"]
    assert len(found) == 7


def test_labels_and_priority_are_for_all_but_those_that_have_their_own(api: Stack) -> None:
    own = body(2, force=True, priority=5, labels={"run": "own", "team": "x"})
    batch(api, exports=[body(1, force=True), own], labels={"run": "all", "lot": "b"}, priority=-3)
    found = {export["priority"]: export["labels"] for export in exports(api)[:2]}
    assert found == {-3: {"run": "all", "lot": "b"}, 5: {"run": "own", "lot": "b", "team": "x"}}


def test_a_request_that_is_in_flight_or_twice_in_the_batch_is_one_export(api: Stack) -> None:
    running = api.post("/v1/exports", json=body(300)).json()["id"]
    before = len(exports(api))
    made = batch(api, exports=[body(300), body(301), body(301)])
    assert (made["requested"], made["exports"]["total"]) == (3, 2)
    assert len(exports(api)) == before + 1
    assert running in {export["id"] for export in exports(api)}


def test_a_batch_may_be_over_several_accounts(api: Stack) -> None:
    orders = {"experience_id": f"{EXPERIENCE}77", "export_type": "orders"}
    mixed = [body(1, force=True), {"account": "shop-ab", "request": orders, "force": True}, body(2, force=True)]
    batch(api, exports=mixed)
    assert sorted(export["account"] for export in exports(api)[:3]) == ["shop-ab", "shop-bwp", "shop-bwp"]


def test_one_mistake_anywhere_refuses_all_and_names_its_place(api: Stack) -> None:
    before = len(exports(api))
    wrong = {**body(1), "request": {**EVENTS, "start": "yesterday", "end": "2026-01-02"}}
    odd = {**body(1), "colour": "red"}
    listed = [body(1), wrong, odd, body(2, account="nobody"), {"account": "shop-bwp"}, body(3, priority="high")]
    answer = api.post("/v1/batches", json={"exports": listed})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [
        "/exports/1/request/start",
        "/exports/2/colour",
        "/exports/3/account",
        "/exports/4/request",
        "/exports/5/priority",
    ]
    assert len(exports(api)) == before


def test_of_many_mistakes_the_first_hundred_are_named(api: Stack) -> None:
    answer = api.post("/v1/batches", json={"exports": [body(1, account="nobody")] * 250})
    errors = answer.json()["errors"]
    assert [error["pointer"] for error in errors] == [f"/exports/{number}/account" for number in range(100)]


def test_a_range_is_cut_into_windows_of_whole_days(api: Stack) -> None:
    before = len(exports(api))
    made = batch(
        api,
        export={"account": "shop-bwp", "request": EVENTS, "force": True},
        **{"from": "2026-01-01", "to": "2026-01-04T06:00:00Z", "window": "P1D"},
    )
    assert made["requested"] == 4
    found = windows(api, before)
    assert found[0][0].isoformat() == "2026-01-01T00:00:00+00:00"
    assert [last for _, last in found[:-1]] == [first for first, _ in found[1:]]
    assert found[-1][1].isoformat() == "2026-01-04T06:00:00+00:00"


def test_windows_follow_the_calendar_of_the_zone(api: Stack) -> None:
    before = len(exports(api))
    batch(
        api,
        export={"account": "shop-bwp", "request": EVENTS, "force": True},
        **{"from": "2026-03-28", "to": "2026-03-31", "window": "P1D", "time_zone": "Europe/Berlin"},
    )
    found = windows(api, before)
    assert [(last - first).total_seconds() / 3600 for first, last in found] == [24, 23, 24]


CUT: dict[str, Any] = {
    "export": {"account": "shop-bwp", "request": EVENTS},
    "from": "2026-01-01",
    "to": "2026-02-01",
    "window": "P1D",
}


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({}, None),
        ({**CUT, "exports": [body()]}, None),
        ({"exports": []}, "/exports"),
        ({"exports": [body()] * 10_001}, "/exports"),
        ({"exports": [1]}, "/exports/0"),
        ({"exports": [body()], "window": "P1D"}, "/window"),
        ({"exports": [body()], "colour": "red"}, "/colour"),
        ({key: value for key, value in CUT.items() if key != "to"}, "/to"),
        ({**CUT, "from": "yesterday"}, "/from"),
        ({**CUT, "from": "2026-01-01T00:00:00"}, "/from"),
        ({**CUT, "to": "2026-01-01"}, "/to"),
        ({**CUT, "from": "0001-01-01", "to": "0001-01-03", "time_zone": "Asia/Tokyo"}, "/from"),
        ({**CUT, "from": "9999-12-30", "to": "9999-12-31T23:00:00-05:00"}, "/to"),
        ({**CUT, "window": "day"}, "/window"),
        ({**CUT, "window": "PT1H", "to": "2028-01-01"}, "/window"),
        ({**CUT, "time_zone": "Mars/Olympus"}, "/time_zone"),
        ({**CUT, "time_zone": "../etc/passwd"}, "/time_zone"),
        (
            {**CUT, "export": {"account": "shop-bwp", "request": {**EVENTS, "start": "2026-01-01"}}},
            "/export/request/start",
        ),
        (
            {**CUT, "export": {"account": "shop-bwp", "request": {"report_type": "VISITS"}}},
            "/export/request/report_type",
        ),
        ({**CUT, "export": {"account": "shop-bwp"}}, "/export/request"),
    ],
)
def test_a_bad_batch_is_refused_by_the_place_of_the_mistake(api: Stack, asked: dict[str, Any], pointer: str) -> None:
    before = len(exports(api))
    answer = api.post("/v1/batches", json=asked)
    assert answer.status_code == 422, answer.text
    assert [error.get("pointer") for error in answer.json()["errors"]][:1] == [pointer]
    assert len(exports(api)) == before


def test_a_batch_under_a_key_is_made_once(api: Stack) -> None:
    asked = {"exports": [body(number, force=True) for number in range(3)]}
    first = api.post("/v1/batches", json=asked, headers=under("batch"))
    before = len(exports(api))
    again = api.post("/v1/batches", json=asked, headers=under("batch"))
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    assert len(exports(api)) == before


@pytest.mark.parametrize("name", ["bat_none", "bat_%00"])
def test_an_unknown_batch_is_not_found(api: Stack, name: str) -> None:
    assert api.get(f"/v1/batches/{name}").status_code == 404


def test_pages_of_batches_follow_each_other_through_their_cursors(api: Stack) -> None:
    made = [batch(api, exports=[body(number)])["id"] for number in range(5)]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while len(seen) < 5:
        page = api.get("/v1/batches", params=query).json()
        seen += [each["id"] for each in page["items"]]
        query["cursor"] = page["next"]
    assert seen[:5] == made[::-1]


def test_a_key_of_one_account_lists_the_batches_of_that_account_alone(api: Stack) -> None:
    orders = {"experience_id": f"{EXPERIENCE}77", "export_type": "orders"}
    own = {"account": "shop-ab", "request": orders, "force": True}
    narrow = new_key(Settings(home=api.home), Scope.WRITE, frozenset({"shop-ab"}))
    mine = [batch(api, exports=[own])["id"] for _ in range(3)]
    both, others = batch(api, exports=[own, body(1)])["id"], batch(api, exports=[body(2)])["id"]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while len(seen) < len(mine):
        page = api.get("/v1/batches", params=query, headers={"authorization": f"Bearer {narrow}"}).json()
        seen += [each["id"] for each in page["items"]]
        query["cursor"] = page["next"]
    assert (seen[:3], {both, others} & set(seen)) == (mine[::-1], set())
    for hidden in (both, others):
        answer = api.post(f"/v1/batches/{hidden}/cancel", headers={"authorization": f"Bearer {narrow}"})
        assert answer.status_code == 404


def test_ten_thousand_exports_are_one_batch(api: Stack) -> None:
    ends = [f"{2027 + n // 3600}-02-01T00:{n // 60 % 60:02}:{n % 60:02}Z" for n in range(10_000)]
    listed = [{"account": "shop-bwp", "request": {**EVENTS, "start": "2026-01-01", "end": end}} for end in ends]
    made = batch(api, exports=listed)
    assert (made["requested"], made["exports"]["total"]) == (10_000, 10_000)
