"""Promises of the herald: who is told of which end, once, in which words."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

from api.schemas.batches import BatchView
from api.schemas.exports import ExportView
from landfall.database import batches, service_tables
from landfall.database import tables as t
from landfall.database.clock import read_clock
from landfall.database.deliveries import DeliveryState
from landfall.exports.job import Artifact, ExportJob, Fault
from landfall.exports.news import export_as_json
from landfall.exports.states import State
from tests.asynchronous import run
from tests.exports.jobs import make_job
from tests.webhooks.house import House, hook, house, plant_secrets, webhooks
from worker.webhooks.announcing import batch_as_json

URL = "https://example.com/hook"
AT = datetime(2026, 2, 1, 12, 0, 0, 125000, tzinfo=UTC)
FAULT = Fault("report_lost", "the report is gone", "Submit it again.")
FILE = Artifact("file:///x.csv", 10, 2, "ab" * 32, ("a", "b"), empty=False, header_hash="c")


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    plant_secrets(monkeypatch)


def ended(state: State = State.STORED, name: str = "exp_1", **more: Any) -> ExportJob:
    facts: dict[str, Any] = {"artifact": FILE} if state is State.STORED else {"error": FAULT}
    return replace(make_job(), id=name, state=state, finished_at=AT, **{**facts, **more})


async def untold(found: House) -> int:
    query = select(func.count()).select_from(t.events).where(t.events.c.untold)
    return int(await found.database.read(lambda connection: connection.execute(query).scalar_one()))


def test_each_webhook_is_told_of_what_it_wants_and_of_its_accounts_alone(tmp_path: Path) -> None:
    tables = {
        "all": hook(URL),
        "failures": hook(URL, events=["export.failed"]),
        "other": hook(URL, accounts=["shop-ab"]),
    }

    async def scenario() -> None:
        async with house(tmp_path, webhooks(tables)) as found:
            await found.end(ended(), ended(State.FAILED, "exp_2"), ended(State.CANCELLED, "exp_3"))
            await found.end(ended(name="exp_4", account="shop-ab", vendor="intelligems"))
            await found.herald.announce()
            told = {(each.webhook, each.type, each.subject) for each in await found.all()}
            assert told == {
                ("all", "export.stored", "exp_1"),
                ("all", "export.failed", "exp_2"),
                ("all", "export.cancelled", "exp_3"),
                ("all", "export.stored", "exp_4"),
                ("failures", "export.failed", "exp_2"),
                ("other", "export.stored", "exp_4"),
            }
            assert await untold(found) == 0

    run(scenario())


def test_news_is_announced_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path, webhooks({"ops": hook(URL)})) as found:
            await found.end(*[ended(name=f"exp_{number}") for number in range(120)])
            await found.herald.announce()
            await found.herald.announce()
            assert len(await found.all()) == 120

    run(scenario())


def test_where_nobody_is_told_the_news_is_dropped(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path, webhooks({})) as found:
            await found.end(ended(callback_url=URL), ended(State.FAILED, "exp_2"))
            await found.herald.announce()
            assert not await found.all()
            assert await untold(found) == 0

    run(scenario())


def test_an_export_s_own_callback_url_is_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path, webhooks({}, callbacks=True)) as found:
            await found.end(ended(callback_url=URL), ended(name="exp_2"))
            await found.herald.announce()
            (delivery,) = await found.all()
            assert (delivery.webhook, delivery.url, delivery.subject) == (None, URL, "exp_1")

    run(scenario())


def test_the_payload_holds_the_export_as_the_api_shows_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path, webhooks({"ops": hook(URL)})) as found:
            await found.end(ended())
            await found.herald.announce()
            (delivery,) = await found.all()
            told = json.loads(delivery.payload)
            assert (told["type"], told["timestamp"]) == ("export.stored", "2026-02-01T12:00:00.125000Z")
            links = told["data"].pop("links")
            assert links == {"self": "/v1/exports/exp_1", "file": "/v1/exports/exp_1/file"}
            assert told["data"] == json.loads(ExportView.of(ended()).model_dump_json())

    run(scenario())


@pytest.mark.parametrize("state", list(State))
def test_both_forms_of_an_export_agree(state: State) -> None:
    job = ended(state, due_at=AT, labels={"a": "b"}, artifact=replace(FILE, removed_at=AT), error=FAULT)
    assert export_as_json(job) == json.loads(ExportView.of(job).model_dump_json())


def test_an_export_that_was_tried_again_meanwhile_is_told_of_as_it_ended(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path, webhooks({"ops": hook(URL)})) as found:
            await found.end(ended(State.FAILED))
            again = update(t.exports).values(state="queued", error_code=None, finished_at=None)
            await found.database.write(lambda connection: connection.execute(again).rowcount)
            await found.herald.announce()
            (delivery,) = await found.all()
            told = json.loads(delivery.payload)
            assert told["type"] == "export.failed"
            assert told["data"]["state"] == "failed"
            assert told["data"]["error"]["code"] == "report_lost"
            assert told["data"]["finished_at"] == "2026-02-01T12:00:00.125000Z"

    run(scenario())


@pytest.mark.parametrize("accounts", [["shop-bwp"], ["shop-ab"], ["shop-ab", "shop-bwp"]])
def test_a_finished_batch_is_told_to_webhooks_of_all_its_accounts(tmp_path: Path, accounts: list[str]) -> None:
    tables = {"all": hook(URL), "some": hook(URL, accounts=accounts)}

    async def scenario() -> None:
        async with house(tmp_path, webhooks(tables)) as found:
            first, second = ended(), ended(State.FAILED, "exp_2", account="shop-ab", vendor="intelligems")
            await found.end(first, second)
            both = [(first, True), (second, True)]
            await found.database.write(lambda connection: batches.create(connection, "bat_1", both, {"a": "b"}))
            await found.herald.announce()
            told = {each.webhook: each for each in await found.all() if each.type == "batch.finished"}
            assert set(told) == ({"all", "some"} if len(accounts) == 2 else {"all"})
            assert (told["all"].subject, told["all"].account) == ("bat_1", None)
            batch = await found.database.read(partial(batches.find, batch_id="bat_1"))
            assert batch
            assert batch_as_json(batch) == json.loads(BatchView.of(batch).model_dump_json())
            assert json.loads(told["all"].payload)["data"] == batch_as_json(batch)
            await found.herald.announce()
            assert len([each for each in await found.all() if each.type == "batch.finished"]) == len(told)

    run(scenario())


def test_what_was_finished_a_month_ago_is_removed_and_what_nobody_sends_for_a_day_is_given_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path, webhooks({"ops": hook(URL)})) as found:
            old, young, forgotten, waiting = await found.put(*[""] * 4, webhook="gone")
            # Nobody was there to send it: the worker that comes back does.
            (kept,) = await found.put("", webhook="ops")

            def age(connection: Connection) -> None:
                now = read_clock(connection)
                for id_, days, values in (
                    (old, 31, {"state": "delivered", "finished_at": now - timedelta(days=31), "due_at": None}),
                    (young, 31, {"state": "failed", "finished_at": now - timedelta(days=29), "due_at": None}),
                    (forgotten, 2, {"due_at": now - timedelta(days=2)}),
                    (waiting, 2, {"due_at": now + timedelta(hours=1)}),
                    (kept, 2, {"due_at": now - timedelta(days=2)}),
                ):
                    values |= {"created_at": now - timedelta(days=days)}
                    connection.execute(
                        update(service_tables.deliveries).where(service_tables.deliveries.c.id == id_).values(**values)
                    )

            await found.database.write(age)
            await found.herald.announce()
            states = {each.id: each for each in await found.all()}
            assert set(states) == {young, forgotten, waiting, kept}
            assert states[forgotten].state is DeliveryState.FAILED
            assert "no longer in the settings" in (states[forgotten].error or "")
            assert states[waiting].state is DeliveryState.PENDING
            assert states[kept].state is DeliveryState.PENDING

    run(scenario())
