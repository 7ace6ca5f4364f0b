"""Promises of webhooks from end to end: real workers, a real receiver, kills between the two."""

import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from landfall.failpoints import FOLDER, VARIABLE
from landfall.settings import Settings
from tests.stack import Stack, new_key, until
from tests.webhooks.conftest import PATH, QUERY
from tests.webhooks.receiver import OTHER_SECRET, SECRET, Got, Receiver, Reply


def news_of(told: Receiver, subject: str, path: str = f"/hook/{PATH}?key={QUERY}") -> list[Got]:
    found = [got for got in list(told.got) if got.path == path]
    return [got for got in found if subject in (got.verified()["data"].get(name) for name in ("id", "webhook"))]


def deliveries(stack: Stack, subject: str, **query: str) -> dict[str | None, dict[str, Any]]:
    """What is to be told of it, by the webhook."""
    items = stack.get("/v1/webhooks/deliveries", params={"subject": subject, **query}).json()["items"]
    return {each["webhook"]: each for each in items}


def test_an_export_s_end_is_told_to_the_webhook_and_to_its_callback_url(stack: Stack, told: Receiver) -> None:
    stack.start("worker")
    id_ = stack.submit(callback_url=f"{told.url}/mine?key={QUERY}")
    (got,) = until(lambda: news_of(told, id_), "the webhook")
    (own,) = until(lambda: news_of(told, id_, f"/hook/mine?key={QUERY}"), "the callback")
    payload = got.verified()
    assert payload == got.verified(OTHER_SECRET) == own.verified()
    assert (payload["type"], payload["data"]["state"]) == ("export.stored", "stored")
    links = payload["data"].pop("links")
    assert payload["data"] == stack.show(id_)
    assert stack.get(links["file"]).status_code == 200
    found = until(lambda: deliveries(stack, id_, state="delivered") or None, "what was delivered")
    assert set(found) <= {"ops", None}


@pytest.mark.slow
def test_two_workers_tell_of_each_export_once(stack: Stack, told: Receiver) -> None:
    stack.start("worker")
    stack.start("worker")
    ids = [stack.submit(number=number) for number in range(12)]
    for id_ in ids:
        until(lambda id_=id_: news_of(told, id_), f"that {id_} is told of")  # type: ignore[misc]
        until(lambda id_=id_: deliveries(stack, id_, state="delivered"), f"that {id_} is delivered")  # type: ignore[misc]
    assert [len(news_of(told, id_)) for id_ in ids] == [1] * len(ids)


@pytest.mark.slow
def test_a_worker_killed_between_sending_and_writing_has_it_sent_again_under_its_id(
    stack: Stack, told: Receiver, tmp_path: Path
) -> None:
    dying = stack.start("worker", **{VARIABLE: "webhook.answered[ops]=kill", FOLDER: str(tmp_path)})
    id_ = stack.submit()
    assert dying.wait(60) == -9
    assert len(news_of(told, id_)) == 1
    stack.start("worker")
    first, second = until(lambda: news_of(told, id_)[:2] if len(news_of(told, id_)) > 1 else None, "it once more")
    assert (first.id, first.body) == (second.id, second.body)
    until(lambda: deliveries(stack, id_, state="delivered"), "that it is delivered")


@pytest.mark.slow
def test_what_failed_is_sent_again_when_it_is_asked_for(stack: Stack, told: Receiver) -> None:
    told.replies = [Reply(410)]
    stack.start("worker")
    id_ = stack.submit()
    failed = until(lambda: deliveries(stack, id_, state="failed"), "that it failed")["ops"]
    assert failed["error"] == "the receiver answered 410: it wants no more of this"
    answer = stack.post(f"/v1/webhooks/deliveries/{failed['id']}/resend")
    assert (answer.status_code, answer.json()["state"]) == (202, "pending")
    until(lambda: len(news_of(told, id_)) == 2, "it once more")
    until(lambda: deliveries(stack, id_, state="delivered"), "that it is delivered")


def test_a_webhook_can_be_tested_and_one_at_a_private_address_says_why_not(stack: Stack, told: Receiver) -> None:
    stack.start("worker")
    for name in ("ops", "guarded"):
        answer = stack.post(f"/v1/webhooks/{name}/test")
        assert (answer.status_code, answer.json()["type"]) == (202, "webhook.test")
    (got,) = until(lambda: news_of(told, "ops"), "the test")
    assert got.verified()["type"] == "webhook.test"
    refused = until(lambda: next((one for one in webhooks(stack) if one["last_refused"]), None), "a refusal")
    assert refused["name"] == "guarded"
    assert refused["last_refused"]["error"].startswith("127.0.0.1 is no public address; ")
    assert stack.post("/v1/webhooks/none/test").status_code == 404


def webhooks(stack: Stack) -> list[dict[str, Any]]:
    answer = stack.get("/v1/webhooks")
    assert not [secret for secret in (PATH, QUERY) if secret in answer.text]
    return list(answer.json()["items"])


def test_whoever_is_limited_to_accounts_sees_no_news_of_others(stack: Stack, told: Receiver) -> None:
    stack.start("worker")
    id_ = stack.submit()
    until(lambda: deliveries(stack, id_, state="delivered"), "that it is delivered")
    key = new_key(Settings(home=stack.home), accounts=frozenset({"shop-ab"}))
    headers = {"authorization": f"Bearer {key}"}
    delivery = deliveries(stack, id_)["ops"]["id"]
    assert stack.get("/v1/webhooks/deliveries", params={"subject": id_}, headers=headers).json()["items"] == []
    assert stack.get(f"/v1/webhooks/deliveries/{delivery}", headers=headers).status_code == 404
    assert stack.get(f"/v1/webhooks/deliveries/{delivery}").json()["payload"]["data"]["id"] == id_
    assert [each["name"] for each in stack.get("/v1/webhooks", headers=headers).json()["items"]] == ["guarded"]
    assert told.got


def test_a_list_of_deliveries_goes_on_by_its_cursor(stack: Stack) -> None:
    for _ in range(3):
        stack.post("/v1/webhooks/ops/test")
    first = stack.get("/v1/webhooks/deliveries", params={"webhook": "ops", "limit": 2}).json()
    query = {"webhook": "ops", "limit": 2, "cursor": first["next"]}
    second = stack.get("/v1/webhooks/deliveries", params=query).json()
    ids = [each["id"] for each in first["items"] + second["items"]]
    assert len(set(ids)) == len(ids) > 2


@pytest.mark.parametrize(
    ("url", "told_of"),
    [
        ("ftp://example.com/", "write it as https://host/path or http://host/path"),
        ("https://me:PlantedPassword@example.com/", "it must hold no user and no password"),
    ],
)
def test_a_callback_url_that_is_none_is_refused_by_name(stack: Stack, url: str, told_of: str) -> None:
    one = stack.ask(callback_url=url)
    assert (one.status_code, one.json()["errors"][0]["pointer"]) == (422, "/callback_url")
    assert told_of in one.json()["detail"]
    assert "PlantedPassword" not in one.text
    request = {"account": "shop-bwp", "request": {"report_type": "USER_EVENTS"}}
    many = stack.post("/v1/batches", json={"exports": [request, {**request, "callback_url": url}]})
    assert (many.status_code, many.json()["errors"][0]["pointer"]) == (422, "/exports/1/callback_url")


def test_no_secret_of_a_webhook_is_written_anywhere(stack: Stack, told: Receiver) -> None:
    told.replies = [Reply(500, {"x-odd": "PlantedInnards"}, b"PlantedInnards"), Reply(302, {"location": "/Planted"})]
    stack.start("worker")
    id_ = stack.submit(callback_url=f"{told.url}/{PATH}")
    until(lambda: deliveries(stack, id_, state="delivered") or news_of(told, id_), "that somebody is told")
    until(lambda: all(each["attempts"] for each in deliveries(stack, id_).values()), "that each was tried")
    places = {str(path): path.read_bytes() for path in stack.home.rglob("*.log")}
    with sqlite3.connect(stack.home / "landfall.db") as database:
        places["rows"] = "\n".join(database.iterdump()).encode()
    database.close()
    places["answers"] = stack.get("/v1/webhooks").content + stack.get("/v1/webhooks/deliveries").content
    places["answers"] += stack.get(f"/v1/exports/{id_}").content + stack.get(f"/v1/exports/{id_}/explain").content
    places["answers"] += stack.get(f"/v1/exports/{id_}/events").content
    secrets = [secret.removeprefix("whsec_").encode() for secret in (SECRET, OTHER_SECRET)]
    for place, text in places.items():
        assert not [secret for secret in secrets if secret in text], place
        assert b"PlantedInnards" not in text, place
        # A callback_url stands in its export's row: whoever calls back needs it whole.
        assert place == "rows" or not [part for part in (PATH, QUERY) if part.encode() in text], place
        assert not re.search(rb"v1,[A-Za-z0-9+/]{43}=", text), place
