"""Checks what callers see of their exports: filters, pages of a timeline, explanations."""

from typing import Any

import pytest

from landfall.settings import Settings
from tests.stack import Stack, new_key


def ids(api: Stack, **query: Any) -> list[str]:
    answer = api.get("/v1/exports", params={"limit": 200, **query})
    assert answer.status_code == 200, answer.text
    return [export["id"] for export in answer.json()["items"]]


def test_a_list_is_narrowed_by_time_error_batch_and_several_labels(api: Stack) -> None:
    made = [api.submit(number=number, labels={"see": "s", "n": str(number)}, force=True) for number in (1, 2)]
    moment = api.show(made[1])["created_at"]
    assert ids(api, label="see:s") == made[::-1]
    assert ids(api, label=["see:s", "n:1"]) == made[:1]
    assert ids(api, label="see:s", until=moment) == made[:1]
    assert ids(api, label="see:s", since=moment) == made[1:]
    assert ids(api, error="nobody_met_this") == []
    assert ids(api, batch="bat_none") == []
    exports = [{"account": "shop-bwp", "request": {"report_type": "USER_EVENTS"}, "force": True}] * 3
    batch = api.post("/v1/batches", json={"exports": exports}).json()["id"]
    assert len(ids(api, batch=batch)) == 3
    assert ids(api, batch=batch, account="shop-ab") == []


def test_a_key_for_some_accounts_lists_no_other_s(api: Stack) -> None:
    key = new_key(Settings(home=api.home), accounts=frozenset({"shop-ab"}))
    headers = {"authorization": f"Bearer {key}"}
    hidden, seen = api.submit(number=3, force=True), api.submit("shop-ab", number=3, force=True)
    items = api.get("/v1/exports", params={"limit": 200}, headers=headers).json()["items"]
    assert {export["account"] for export in items} == {"shop-ab"}
    assert seen in [export["id"] for export in items]
    assert api.get("/v1/exports", params={"account": "shop-bwp"}, headers=headers).json()["items"] == []
    assert api.get(f"/v1/exports/{hidden}", headers=headers).status_code == 404


def test_a_timeline_comes_in_pages_oldest_first_and_its_last_event_tells_what_is_due(api: Stack) -> None:
    # Others may hold the account's slots.
    assert api.post("/v1/exports/cancel", json={"filter": {"account": "shop-ab"}}).status_code == 200
    export_id = api.submit("shop-ab", number=4, force=True)
    path = f"/v1/exports/{export_id}/events"
    whole = api.get(path).json()
    assert [event["kind"] for event in whole["items"]] == ["accept", "admit"]
    assert whole["next"] is None
    first = api.get(path, params={"limit": 1}).json()
    second = api.get(path, params={"limit": 1, "cursor": first["next"]}).json()
    assert first["items"] + second["items"] == whole["items"]
    assert (first["items"][0]["due_at"], second["next"]) == (None, None)
    assert second["items"][0]["due_at"] == api.show(export_id)["due_at"]
    other = api.submit("shop-ab", number=5, force=True)
    for query in ({"cursor": first["next"]}, {"cursor": "made-up"}, {"limit": 0}, {"limit": 1001}):
        assert api.get(f"/v1/exports/{other}/events", params=query).status_code == 422


def test_an_explanation_says_in_words_and_data_why_an_export_waits(api: Stack) -> None:
    for number in range(6):
        api.submit(number=number, force=True)
    last = api.submit(number=7, force=True)
    found = api.get(f"/v1/exports/{last}/explain").json()
    assert set(found) == {"summary", "details", "expected"}
    assert found["summary"].startswith("Waits for a slot: 5 of 5 held by exp_")
    assert found["summary"].endswith(" in the queue; no worker was heard of lately.")
    details = {detail["code"]: detail for detail in found["details"]}
    assert details["waits_for_slot"]["used"] == details["waits_for_slot"]["limit"] == 5
    assert len(details["waits_for_slot"]["holders"]) == 5
    assert details["queue"]["place"] >= 1
    assert "no_worker" in details
    assert set(found["expected"]) == {"start_at", "built_at", "next_step_at"}
    api.post("/v1/accounts/shop-bwp/pause")
    paused = api.get(f"/v1/exports/{last}/explain").json()
    api.post("/v1/accounts/shop-bwp/resume")
    assert paused["details"][0]["code"] == "account_paused"
    api.post(f"/v1/exports/{last}/cancel")
    cancelled = api.get(f"/v1/exports/{last}/explain").json()
    assert cancelled["summary"].startswith("It was cancelled on ")
    assert " by key test" in cancelled["summary"]


@pytest.mark.parametrize("path", ["/v1/exports/exp_none/explain", "/v1/exports/exp_none/events"])
def test_of_no_export_nothing_is_seen(api: Stack, path: str) -> None:
    assert api.get(path).status_code == 404
