"""Promises of AsyncLandfall: the same names, with await."""

import asyncio
import hashlib
import inspect
import signal
from contextlib import aclosing
from pathlib import Path

import pytest

from landfall_client import (
    AsyncBatch,
    AsyncExport,
    AsyncLandfall,
    Batch,
    Conflict,
    Export,
    ExportCancelled,
    Landfall,
    WaitTimeout,
)
from tests.asynchronous import run
from tests.cli.file_server import EXPORT_ID, Plan
from tests.client.asked import events, orders
from tests.client.file_serving import CONTENT, served
from tests.stack import Stack


def offered(of: type) -> dict[str, list[str]]:
    functions = inspect.getmembers(of, inspect.isfunction)
    return {name: [*inspect.signature(function).parameters] for name, function in functions if not name.startswith("_")}


def test_both_clients_offer_the_same() -> None:
    assert offered(AsyncLandfall) == offered(Landfall)
    assert offered(AsyncBatch) == offered(Batch)
    assert offered(AsyncExport) == {name: words for name, words in offered(Export).items() if name != "open"}


def test_an_export_is_asked_for_awaited_saved_and_read(house: Stack, tmp_path: Path) -> None:
    async def go() -> None:
        async with AsyncLandfall(house.url, house.key) as client:
            stored = await (await client.submit("shop-bwp", events())).wait(60)
            assert stored.file
            path = await stored.save(tmp_path)
            assert hashlib.sha256(path.read_bytes()).hexdigest() == stored.file.sha256
            assert len([row async for row in stored.rows()]) == stored.file.rows
            assert b"".join([piece async for piece in stored.chunks()]) == path.read_bytes()
            assert [event.state async for event in stored.events()][-1] == "stored"
            assert "stored" in str(await stored.explain())

    run(go())


def test_many_are_awaited_at_once(house: Stack, tmp_path: Path) -> None:
    async def go() -> None:
        async with AsyncLandfall(house.url, house.key) as client:
            exports = await asyncio.gather(*(client.submit("shop-ab", orders()) for _ in range(60)))
            ended = await client.wait_all(exports, 120)
            assert [export.id for export in ended] == [export.id for export in exports]
            paths = await asyncio.gather(*(export.save(tmp_path) for export in ended))
            assert len(set(paths)) == 60
            assert {export async for export in client.as_completed(ended)} == set(exports)

    run(go())


def test_cancel_retry_and_batches_await_too(house: Stack) -> None:
    async def go() -> None:
        async with AsyncLandfall(house.url, house.key) as client:
            await client.pause("shop-bwp")
            export = await client.submit("shop-bwp", events())
            with pytest.raises(WaitTimeout):
                await export.wait(0.1)
            with pytest.raises(ExportCancelled):
                await (await export.cancel()).wait()
            assert (await (await export.retry()).refresh()).state == "queued"
            with pytest.raises(Conflict):
                await export.retry()
            await client.resume("shop-bwp")
            batch = await client.submit_many([{"account": "shop-ab", "request": orders()}])
            assert [export.state async for export in (await batch.wait(60)).exports()] == ["stored"]
            assert [each.id async for each in client.exports(batch=batch.id)]

    run(go())


def test_a_wait_survives_an_api_that_is_killed(own: Stack) -> None:
    async def go() -> None:
        async with AsyncLandfall(own.url, own.key) as client:
            export = await client.submit("shop-bwp", events())
            waiting = asyncio.create_task(export.wait(120))
            api = own.processes.pop(0)
            api.send_signal(signal.SIGKILL)
            await asyncio.to_thread(api.wait, 30)
            await asyncio.to_thread(own.start_api)
            own.start("worker")
            assert (await waiting).state == "stored"

    run(go())
    own.stop(but=1)


def test_a_save_that_is_cancelled_keeps_what_came_for_the_next(tmp_path: Path) -> None:
    async def go() -> None:
        with served(Plan(cut=1_000_000, stall=True)) as server:
            async with AsyncLandfall(server.url, "") as client:
                export = await client.export(EXPORT_ID)
                came = asyncio.Event()
                saving = asyncio.create_task(
                    export.save(tmp_path / "x.csv", progress=lambda held, _: came.set() if held == 1_000_000 else None)
                )
                await came.wait()
                saving.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await saving
                server.going_on.set()
                assert (await export.save(tmp_path / "x.csv")).read_bytes() == CONTENT
            assert server.asked[-1]["range"] == "bytes=1000000-"

    run(go())
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]


def test_who_is_cancelled_twice_lets_go_of_the_connection(tmp_path: Path) -> None:
    async def save_and_cancel(export: AsyncExport, path: Path) -> None:
        came = asyncio.Event()
        saving = asyncio.create_task(export.save(path, progress=lambda held, _: came.set() if held else None))
        await came.wait()
        for _ in range(3):
            saving.cancel()
            await asyncio.sleep(0)
        await asyncio.wait([saving])
        assert saving.cancelled()

    async def go() -> None:
        plans = [Plan(cut=10, stall=True) for _ in range(120)]  # more than the pool has connections
        with served(*plans) as server:
            async with AsyncLandfall(server.url, "") as client:
                export = await client.export(EXPORT_ID)
                for number in range(len(plans)):
                    await save_and_cancel(export, tmp_path / str(number))
                server.going_on.set()
                assert (await export.save(tmp_path / "x.csv")).read_bytes() == CONTENT

    run(go())


def test_who_stops_reading_lets_go_of_the_connection() -> None:
    async def go() -> None:
        with served() as server:
            async with AsyncLandfall(server.url, "") as client:
                export = await client.export(EXPORT_ID)
                for _ in range(120):  # more than the pool has connections
                    async with aclosing(export.chunks()) as chunks:  # type: ignore[type-var]
                        await anext(chunks)

    run(go())
