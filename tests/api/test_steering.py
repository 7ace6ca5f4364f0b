"""Promises of cancel, retry, priority and pause over HTTP, where no worker runs: what is asked for stays where it was put."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from landfall.database.keys import Scope
from landfall.settings import Settings
from tests.stack import Stack, new_key, run_stack
from tests.vendors.sandbox_process import Sandbox

NOWHERE = "http://127.0.0.1:9"
SLOTS = 5


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    vendors = Sandbox(f"{NOWHERE}/intelligems", f"{NOWHERE}/buywithprime", f"{NOWHERE}/_sandbox")
    with run_stack(tmp_path_factory.mktemp("steering") / "home", vendors) as stack:
        stack.start_api()
        yield stack


@pytest.fixture
def api(house: Stack) -> Stack:
    """An API that has no exports yet."""
    change(house, "DELETE FROM batches")
    change(house, "DELETE FROM exports")
    change(house, "UPDATE accounts SET paused_at = NULL")
    return house


def change(api: Stack, statement: str, *values: Any) -> None:
    with closing(sqlite3.connect(api.home / "landfall.db", timeout=30)) as database, database:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute(statement, values)


def put(api: Stack, export_id: str, state: str, step: str | None = None) -> None:
    """Have the export have ended so, in this step."""
    change(
        api,
        "UPDATE exports SET state = ?, due_at = NULL, finished_at = created_at, error_code = ?, error_message = '', "
        "error_action = '' WHERE id = ?",
        state,
        "x" if state == "failed" else None,
        export_id,
    )
    change(
        api,
        "INSERT INTO events (export_id, at, kind, state, step, attempt, generation, untold) "
        "VALUES (?, '2026-01-01 00:00:00.000000', 'give up', ?, ?, 1, 1, 0)",
        export_id,
        state,
        step,
    )


def post(api: Stack, path: str, body: Any = None, **how: Any) -> httpx.Response:
    return api.post(path, json=body, **how) if body is not None else api.post(path, **how)


def states(api: Stack) -> dict[str, int]:
    found: dict[str, int] = {}
    for export in api.get("/v1/exports?limit=200").json()["items"]:
        found[export["state"]] = found.get(export["state"], 0) + 1
    return found


def test_an_export_is_cancelled_once_and_the_second_time_is_told_as_the_first(api: Stack) -> None:
    name = api.submit()
    first, again = (post(api, f"/v1/exports/{name}/cancel") for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json() == api.show(name)
    assert first.json()["state"] == "cancelled"
    assert [(event["kind"], event["note"]) for event in api.events(name)][2:] == [("cancel", "by key test")]


def test_an_export_that_ended_otherwise_is_a_conflict_that_tells_its_state(api: Stack) -> None:
    name = api.submit()
    put(api, name, "stored")
    for verb in ("cancel", "retry"):
        answer = post(api, f"/v1/exports/{name}/{verb}", {})
        assert (answer.status_code, answer.json()["state"]) == (409, "stored")
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_live_export_is_not_retried(api: Stack) -> None:
    name = api.submit()
    answer = post(api, f"/v1/exports/{name}/retry")
    assert (answer.status_code, answer.json()["state"]) == (409, "starting")


@pytest.mark.parametrize(
    ("body", "state", "generation"),
    [(None, "ready", 1), ({}, "ready", 1), ({"from": "step"}, "ready", 1), ({"from": "start"}, "starting", 2)],
)
def test_a_failed_download_is_retried_from_its_step_or_from_the_start(
    api: Stack, body: Any, state: str, generation: int
) -> None:
    name = api.submit()
    put(api, name, "failed", "download")
    answer = post(api, f"/v1/exports/{name}/retry", body)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["state"], found["generation"], found["error"], found["finished_at"]) == (
        state,
        generation,
        None,
        None,
    )


@pytest.mark.parametrize("body", [{"from": "end"}, {"from": None}, {"to": "start"}, [], "start"])
def test_a_retry_from_nowhere_is_refused(api: Stack, body: Any) -> None:
    name = api.submit()
    put(api, name, "failed", "start")
    assert post(api, f"/v1/exports/{name}/retry", body).status_code == 422
    assert api.show(name)["state"] == "failed"


def test_the_priority_of_a_queued_export_can_be_changed_and_of_no_other(api: Stack) -> None:
    running, *_, queued = (api.submit(number=number) for number in range(SLOTS + 1))
    for _ in range(2):
        answer = api.call("PATCH", f"/v1/exports/{queued}", json={"priority": 9})
        assert (answer.status_code, answer.json()["priority"]) == (200, 9)
    refused = api.call("PATCH", f"/v1/exports/{running}", json={"priority": 9})
    assert (refused.status_code, refused.json()["state"]) == (409, "starting")
    for body in ({}, {"priority": 1001}, {"priority": "1"}, {"priority": True}, {"priority": 1, "state": "ready"}):
        assert api.call("PATCH", f"/v1/exports/{queued}", json=body).status_code == 422


def test_an_export_that_goes_back_to_the_queue_meanwhile_does_not_escape_the_cancel_of_all(api: Stack) -> None:
    first, *_, queued = (api.submit(number=number) for number in range(SLOTS + 1))
    change(api, "UPDATE exports SET priority = 2 WHERE id = ?", first)
    change(api, "UPDATE exports SET priority = 1 WHERE id = ?", queued)
    # A worker sends it back when the look at the queue is over, and that at the starts has yet to come.
    change(
        api,
        "CREATE TRIGGER sent_back AFTER UPDATE ON exports WHEN new.priority = 1 AND new.state = 'cancelled' BEGIN "
        "UPDATE exports SET state = 'queued', version = version + 1, due_at = NULL, deadline_at = NULL "
        "WHERE priority = 2; END",
    )
    try:
        answer = post(api, "/v1/exports/cancel", {"filter": {}, "all": True}).json()
    finally:
        change(api, "DROP TRIGGER sent_back")
    assert states(api) == {"cancelled": SLOTS + 1}
    assert answer == {"matched": SLOTS + 1, "changed": SLOTS + 1, "skipped": 0}


@pytest.mark.parametrize("path", ["cancel", "retry"])
def test_what_does_not_exist_cannot_be_steered(api: Stack, path: str) -> None:
    assert post(api, f"/v1/exports/exp_none/{path}").status_code == 404
    assert post(api, f"/v1/batches/bat_none/{path}").status_code == 404
    unknown = post(api, "/v1/accounts/none/pause")
    assert unknown.status_code == 404
    assert unknown.json()["detail"] == "there is no account 'none'; known: shop-ab, shop-bwp"


def test_many_are_counted_before_they_are_cancelled(api: Stack) -> None:
    for number in range(SLOTS + 3):
        api.submit(number=number)
    other = api.submit("shop-ab")
    wanted = {"filter": {"account": "shop-bwp"}}
    dry = post(api, "/v1/exports/cancel", {**wanted, "dry_run": True}).json()
    assert dry == {"matched": SLOTS + 3, "by_state": {"queued": 3, "starting": SLOTS}}
    done = post(api, "/v1/exports/cancel", wanted).json()
    assert done == {"matched": SLOTS + 3, "changed": SLOTS + 3, "skipped": 0}
    assert post(api, "/v1/exports/cancel", wanted).json() == {"matched": 0, "changed": 0, "skipped": 0}
    assert api.show(other)["state"] == "starting"
    # What was queued went first: no slot was given to an export that was about to be cancelled.
    kinds = [event["kind"] for export in api.get("/v1/exports").json()["items"] for event in api.events(export["id"])]
    assert kinds.count("admit") == SLOTS + 1


def test_many_are_retried_by_what_they_failed_of(api: Stack) -> None:
    names = [api.submit(number=number) for number in range(4)]
    for name, step in zip(names, ("start", "poll", "download", None), strict=True):
        put(api, name, "failed" if step else "cancelled", step)
    assert post(api, "/v1/exports/retry", {"filter": {"error": "y"}}).json()["matched"] == 0
    done = post(api, "/v1/exports/retry", {"filter": {"error": "x"}, "from": "step"}).json()
    assert done == {"matched": 3, "changed": 3, "skipped": 0}
    assert states(api) == {"starting": 2, "ready": 1, "cancelled": 1}
    named = {"filter": {"state": ["cancelled", "ready"]}}
    assert post(api, "/v1/exports/retry", named).json() == {"matched": 2, "changed": 1, "skipped": 1}


def test_more_than_a_page_is_cancelled_once_each(api: Stack) -> None:
    submissions = [
        {
            "account": "shop-bwp",
            "request": {
                "report_type": "USER_EVENTS",
                "start": "2026-01-01",
                "end": f"2026-02-01T00:{n // 60:02}:{n % 60:02}Z",
            },
        }
        for n in range(620)
    ]
    batch = post(api, "/v1/batches", {"exports": submissions}).json()["id"]
    done = post(api, "/v1/exports/cancel", {"filter": {"batch": batch}}).json()
    assert done == {"matched": 620, "changed": 620, "skipped": 0}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "/filter"),
        ({"filter": {}}, "/filter"),
        ({"filter": {"account": "shop-ab"}, "all": True}, "/all"),
        ({"filter": {"state": "gone"}}, "/filter/state"),
        ({"filter": {"state": ["stored", "gone"]}}, "/filter/state"),
        ({"filter": {"state": 5}}, "/filter/state"),
        ({"filter": {"label": "x"}}, "/filter/label"),
        ({"filter": {"label": ["x:y", 5]}}, "/filter/label"),
        ({"filter": {"label": ["x:y"] * 21}}, "/filter/label"),
        ({"filter": {"label": []}}, "/filter/label"),
        ({"filter": {"state": []}}, "/filter/state"),
        ({"filter": {"label": "x:a\0"}}, "/filter/label"),
        ({"filter": {"state": ["stored"] * 21}}, "/filter/state"),
        ({"filter": {"since": "yesterday"}}, "/filter/since"),
        ({"filter": {"acount": "shop-ab"}}, "/filter/acount"),
    ],
)
def test_a_filter_that_means_nothing_or_everything_is_refused(api: Stack, body: Any, named: str) -> None:
    name = api.submit()
    answer = post(api, "/v1/exports/cancel", body)
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == [named], answer.text
    assert api.show(name)["state"] == "starting"


def test_all_means_all(api: Stack) -> None:
    api.submit(), api.submit("shop-ab")
    assert post(api, "/v1/exports/cancel", {"all": True}).json()["changed"] == 2
    assert states(api) == {"cancelled": 2}


def test_a_batch_is_cancelled_but_for_what_it_only_joined_and_retried_as_a_whole(api: Stack) -> None:
    joined = api.submit(number=0)
    asked = [{"account": "shop-bwp", "request": api.show(joined)["request"]}]
    asked += [
        {
            "account": "shop-ab",
            "request": {"experience_id": "23272b65-efac-412d-a8aa-ce8ef41bb4" + f"{n:02x}", "export_type": "orders"},
        }
        for n in range(2)
    ]
    batch = post(api, "/v1/batches", {"exports": asked}).json()["id"]
    assert post(api, f"/v1/batches/{batch}/cancel").json() == {"matched": 2, "changed": 2, "skipped": 0}
    assert api.show(joined)["state"] == "starting"
    assert post(api, f"/v1/batches/{batch}/cancel").json() == {"matched": 0, "changed": 0, "skipped": 0}
    assert post(api, f"/v1/batches/{batch}/retry", {"from": "start"}).json() == {
        "matched": 2,
        "changed": 2,
        "skipped": 0,
    }
    assert states(api) == {"starting": 3}


def test_a_paused_account_admits_nothing_until_it_is_resumed(api: Stack) -> None:
    paused = [post(api, "/v1/accounts/shop-bwp/pause") for _ in range(2)]
    assert [answer.status_code for answer in paused] == [200, 200]
    assert paused[0].json()["paused_at"] == paused[1].json()["paused_at"] is not None
    name = api.submit()
    assert api.show(name)["state"] == "queued"
    assert {answer.json()["paused_by"] for answer in paused} == {"test"}
    listed = {each["name"]: each["paused_at"] for each in api.get("/v1/accounts").json()["items"]}
    assert listed == {"shop-ab": None, "shop-bwp": paused[0].json()["paused_at"]}
    for _ in range(2):
        answer = post(api, "/v1/accounts/shop-bwp/resume")
        assert (answer.status_code, answer.json()["paused_at"], answer.json()["paused_by"]) == (200, None, None)
    assert api.show(name)["state"] == "starting"


def test_a_key_of_other_accounts_steers_nothing_that_it_does_not_see(api: Stack) -> None:
    settings = Settings(home=api.home)
    mine, others = api.submit("shop-ab"), api.submit()
    narrow = {"headers": {"authorization": f"Bearer {new_key(settings, Scope.ADMIN, frozenset({'shop-ab'}))}"}}
    assert post(api, f"/v1/exports/{others}/cancel", **narrow).status_code == 404
    assert api.call("PATCH", f"/v1/exports/{others}", json={"priority": 1}, **narrow).status_code == 404
    hidden = post(api, "/v1/accounts/shop-bwp/pause", **narrow)
    assert hidden.status_code == 404
    assert hidden.json()["detail"] == "there is no account 'shop-bwp'; known: shop-ab"
    assert post(api, "/v1/exports/cancel", {"all": True}, **narrow).json() == {"matched": 1, "changed": 1, "skipped": 0}
    assert (api.show(mine)["state"], api.show(others)["state"]) == ("cancelled", "starting")


def test_reading_keys_change_nothing_and_writing_ones_pause_nothing(api: Stack) -> None:
    settings = Settings(home=api.home)
    name = api.submit()
    reader = {"headers": {"authorization": f"Bearer {new_key(settings, Scope.READ)}"}}
    writer = {"headers": {"authorization": f"Bearer {new_key(settings, Scope.WRITE)}"}}
    assert post(api, f"/v1/exports/{name}/cancel", **reader).status_code == 403
    assert post(api, "/v1/accounts/shop-bwp/pause", **writer).status_code == 403
    assert post(api, f"/v1/exports/{name}/cancel", **writer).status_code == 200
