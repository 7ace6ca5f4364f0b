"""Promises of the sender, to real receivers on loopback."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from landfall.database.deliveries import DeliveryState
from tests.asynchronous import run
from tests.webhooks.house import hook as table
from tests.webhooks.house import house, plant_secrets, until, webhooks
from tests.webhooks.receiver import OTHER_SECRET, SECRET, Receiver, Reply, receiver


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    plant_secrets(monkeypatch)
    monkeypatch.setattr("worker.webhooks.sending._LOOK_SECONDS", 0.05)  # each further try waits for a look


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


def test_what_is_sent_is_signed_so_that_the_library_verifies_it(tmp_path: Path, hook: Receiver) -> None:
    async def scenario() -> None:
        async with house(tmp_path, webhooks({"ops": table(hook.url)})) as found, found.sending():
            (id_,) = await found.put("", webhook="ops")
            (delivery,) = await found.settled()
            assert (delivery.id, delivery.state, delivery.status) == (id_, DeliveryState.DELIVERED, 204)
            assert (delivery.attempts, delivery.error) == (1, None)
            (got,) = hook.got
            assert got.verified() == {"type": "export.stored", "number": 0}
            assert got.id == id_
            assert got.headers["content-type"] == "application/json"
            assert found.counted == ["delivered"]

    run(scenario())


def test_while_a_secret_is_exchanged_both_verify(tmp_path: Path, hook: Receiver) -> None:
    async def scenario() -> None:
        both = table(hook.url, previous_secret={"env": "OTHER_HOOK_SECRET"})
        async with house(tmp_path, webhooks({"ops": both})) as found, found.sending():
            await found.put("", webhook="ops")
            await found.settled()
            (got,) = hook.got
            assert got.verified(SECRET) == got.verified(OTHER_SECRET)
            assert len(got.headers["webhook-signature"].split()) == 2

    run(scenario())


@pytest.mark.parametrize(
    "status", [*(pytest.param(each, marks=pytest.mark.slow) for each in (400, 401, 404, 500)), 503]
)
def test_what_is_not_taken_is_sent_again_under_its_id_until_it_is(tmp_path: Path, hook: Receiver, status: int) -> None:
    async def scenario() -> None:
        hook.replies = [Reply(status, body=b"a receiver's PlantedInnards")] * 2
        async with house(tmp_path, webhooks({"ops": table(hook.url)})) as found, found.sending():
            (id_,) = await found.put("", webhook="ops")
            (delivery,) = await found.settled()
            assert (delivery.state, delivery.attempts, delivery.error) == (DeliveryState.DELIVERED, 3, None)
            assert [got.id for got in hook.got] == [id_] * 3
            assert len({got.body for got in hook.got}) == 1
            assert found.counted == ["retried", "retried", "delivered"]

    run(scenario())


def test_what_nobody_takes_fails_in_the_end_and_says_with_what_status(tmp_path: Path, hook: Receiver) -> None:
    async def scenario() -> None:
        hook.replies = [Reply(500, body=b"a receiver's PlantedInnards")] * 9
        async with house(tmp_path, webhooks({"ops": table(hook.url)})) as found, found.sending():
            await found.put("", webhook="ops")
            (delivery,) = await found.settled()
            assert (delivery.state, delivery.attempts, delivery.status) == (DeliveryState.FAILED, 4, 500)
            assert delivery.error == "the receiver answered 500: it is not 2xx"
            assert found.counted[-1] == "failed"

    run(scenario())


def test_a_receiver_that_is_gone_is_not_asked_again(tmp_path: Path, hook: Receiver) -> None:
    async def scenario() -> None:
        hook.replies = [Reply(410)]
        async with house(tmp_path, webhooks({"ops": table(hook.url)})) as found, found.sending():
            await found.put("", webhook="ops")
            (delivery,) = await found.settled()
            assert (delivery.state, delivery.attempts, delivery.status) == (DeliveryState.FAILED, 1, 410)
            assert len(hook.got) == 1

    run(scenario())


def test_a_redirect_is_not_followed(tmp_path: Path, hook: Receiver) -> None:
    async def scenario() -> None:
        with receiver() as inside:
            hook.replies = [Reply(status, {"location": inside.url}) for status in (301, 302, 307, 308)]
            async with house(tmp_path, webhooks({"ops": table(hook.url)})) as found, found.sending():
                await found.put("", webhook="ops")
                (delivery,) = await found.settled()
            assert not inside.got
            assert delivery.error == "the receiver answered 308: redirects are not followed"

    run(scenario())


def test_a_receiver_that_asks_for_a_pause_gets_it(tmp_path: Path, hook: Receiver) -> None:
    async def scenario() -> None:
        hook.replies = [Reply(503, {"retry-after": "1800"})]
        async with house(tmp_path, webhooks({"ops": table(hook.url)})) as found, found.sending():
            await found.put("", webhook="ops")

            async def put_off() -> bool:
                (delivery,) = await found.all()
                waits = (
                    delivery.due_at and delivery.attempts and (delivery.due_at - delivery.created_at).total_seconds()
                )
                return bool(waits and waits >= 1800)

            await until(put_off, "that it waits for half an hour")

    run(scenario())


def test_an_address_that_is_not_public_gets_nothing_and_the_reason_is_told(tmp_path: Path, hook: Receiver) -> None:
    async def scenario() -> None:
        guarded = table(hook.url.replace("http:", "https:"), allow_private_hosts=False)
        by_name = table(hook.url.replace("http://127.0.0.1", "https://localhost"), allow_private_hosts=False)
        async with house(tmp_path, webhooks({"ops": guarded, "named": by_name})) as found, found.sending(delays=()):
            await found.put("", webhook="ops")
            await found.put("", webhook="named")
            errors = {each.webhook: each.error for each in await found.settled()}
            assert errors == {
                "ops": "127.0.0.1 is no public address; webhooks.ops.allow_private_hosts in landfall.toml allows it",
                "named": "localhost leads to a private address; "
                "webhooks.named.allow_private_hosts in landfall.toml allows it",
            }
            assert not hook.got

    run(scenario())


def test_a_receiver_that_nobody_finds_is_told_of_without_its_address(tmp_path: Path) -> None:
    async def scenario() -> None:
        nowhere = table("http://127.0.0.1:9/hook?key=PlantedQuery")
        async with house(tmp_path, webhooks({"ops": nowhere})) as found, found.sending(delays=()):
            await found.put("", webhook="ops")
            (delivery,) = await found.settled()
            assert delivery.error == "the receiver cannot be reached (ConnectError)"

    run(scenario())


@pytest.mark.parametrize("host", ["xn--a", "a..b"])
def test_a_host_that_no_name_can_be_is_a_try_like_any_other(tmp_path: Path, host: str) -> None:
    async def scenario() -> None:
        async with house(tmp_path, webhooks({}, callbacks=True)) as found:
            with pytest.MonkeyPatch.context() as patched:
                # Written by a release that took it.
                patched.setattr("landfall.webhooks.fault_in_url", lambda *_, **__: None)
                async with found.sending(delays=()):
                    await found.put(f"https://{host}/PlantedPath")
                    (delivery,) = await found.settled()
            assert str(delivery.error).startswith("the receiver cannot be reached (")

    run(scenario())


def test_what_nobody_thought_of_counts_as_a_try(
    tmp_path: Path, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("PlantedMistake")

    monkeypatch.setattr("worker.webhooks.sending.post", broken)

    async def scenario() -> None:
        async with house(tmp_path, webhooks({"ops": table(hook.url)})) as found, found.sending(delays=()):
            await found.put("", webhook="ops")
            (delivery,) = await found.settled()
            assert (delivery.state, delivery.attempts) == (DeliveryState.FAILED, 1)
            assert delivery.error == "Landfall made a mistake; the worker's log tells more"

    run(scenario())


def test_a_receiver_that_does_not_answer_in_time_is_tried_again(tmp_path: Path, hook: Receiver) -> None:
    async def scenario() -> None:
        held = threading.Event()
        hook.replies = [Reply(held=held)]
        async with house(tmp_path, webhooks({"ops": table(hook.url)})) as found, found.sending(seconds=0.2):
            await found.put("", webhook="ops")
            (delivery,) = await found.settled()
            assert (delivery.state, delivery.attempts) == (DeliveryState.DELIVERED, 2)
        held.set()

    run(scenario())


def test_a_slow_receiver_holds_up_no_other(tmp_path: Path, hook: Receiver) -> None:
    async def scenario() -> None:
        held = threading.Event()
        with receiver() as slow:
            slow.replies = [Reply(held=held) for _ in range(100)]
            tables = {"slow": table(slow.url), "ops": table(hook.url)}
            async with house(tmp_path, webhooks(tables, callbacks=True)) as found:
                await found.put(*[""] * 80, webhook="slow")
                await found.put(*[f"{slow.url}?export={number}" for number in range(80)])
                await found.put("", webhook="ops")
                await found.put(f"{hook.url}?export=1")
                async with found.sending():
                    await until(lambda: len(hook.got) == 2, "that the others are told")
                    await until(lambda: len(slow.got) == 8, "that four at once go to each")
                    held.set()
                    assert {each.state for each in await found.settled()} == {DeliveryState.DELIVERED}

    run(scenario())


def test_two_workers_send_each_delivery_once(tmp_path: Path, hook: Receiver) -> None:
    async def scenario() -> None:
        async with house(tmp_path, webhooks({"ops": table(hook.url)})) as found, found.sending(), found.sending():
            ids = await found.put(*[""] * 60, webhook="ops")
            await found.settled()
            assert sorted(got.id for got in hook.got) == sorted(ids)

    run(scenario())


def test_a_worker_that_drains_lets_what_it_sends_end(tmp_path: Path, hook: Receiver) -> None:
    async def scenario() -> None:
        held = threading.Event()
        hook.replies = [Reply(held=held)]
        async with house(tmp_path, webhooks({"ops": table(hook.url)})) as found:
            await found.put("", webhook="ops")
            sender = found.sender()
            await sender.send_due()
            await until(lambda: hook.got, "that it is sent")
            draining = asyncio.create_task(sender.drain(30.0, asyncio.Event()))
            held.set()
            await draining
            (delivery,) = await found.all()
            assert delivery.state is DeliveryState.DELIVERED

    run(scenario())


def test_a_worker_in_a_hurry_hands_back_what_it_sends(tmp_path: Path, hook: Receiver) -> None:
    async def scenario() -> None:
        held, hurry = threading.Event(), asyncio.Event()
        hook.replies = [Reply(held=held)]
        async with house(tmp_path, webhooks({"ops": table(hook.url)})) as found:
            (id_,) = await found.put("", webhook="ops")
            sender = found.sender()
            await sender.send_due()
            await until(lambda: hook.got, "that it is sent")
            hurry.set()
            await sender.drain(30.0, hurry)
            held.set()
            async with found.sending():
                (delivery,) = await found.settled()
            assert delivery.state is DeliveryState.DELIVERED
            assert [got.id for got in hook.got] == [id_, id_]

    run(scenario())


def test_a_callback_url_that_is_no_longer_allowed_gets_nothing(tmp_path: Path, hook: Receiver) -> None:
    async def scenario() -> None:
        guarded = webhooks({}, callbacks=True, private=False)
        async with house(tmp_path, guarded) as found, found.sending(delays=()):
            await found.put(hook.url, hook.url.replace("http:", "https:"))
            https, http = (each.error for each in await found.settled())
            assert http
            assert http.startswith("its address is not taken any more: write it as https://host/path")
            assert https == "127.0.0.1 is no public address; callback_allow_private_hosts in landfall.toml allows it"
            assert not hook.got

    run(scenario())


def test_what_no_webhook_of_the_settings_is_meant_by_is_left_to_other_workers(tmp_path: Path, hook: Receiver) -> None:
    async def scenario() -> None:
        async with house(tmp_path, webhooks({"ops": table(hook.url)})) as found, found.sending():
            await found.put("", webhook="unknown")
            await found.put(hook.url)
            (id_,) = await found.put("", webhook="ops")
            await until(lambda: hook.got, "that the known one is told")
            assert [got.id for got in hook.got] == [id_]
            pending = [each for each in await found.all() if each.state is DeliveryState.PENDING and not each.attempts]
            assert {each.webhook for each in pending} >= {"unknown", None}

    run(scenario())
