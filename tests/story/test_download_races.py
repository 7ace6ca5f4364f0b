"""Lets workers race for a download, start with other settings, and die with a link in their hands."""

import asyncio
import os
import signal
from datetime import datetime

import pytest
from arq.constants import in_progress_key_prefix
from redis.asyncio import Redis

from landfall.settings import Settings
from landfall.transport.embedded import redis_url
from tests.stack import LINK_SECRET, Stack, until
from tests.story.store_watch import artifacts_of, first_sizes, manifest, parts, stored
from worker.queue import QUEUE_NAME

TEMPLATE = "{vendor}/{label.team}/{export_id}-{generation}.csv"


@pytest.mark.slow
def test_a_worker_that_wakes_up_late_publishes_nothing_a_second_time(stack: Stack) -> None:
    stack.sandbox.fault("slow_answer", operation="download", seconds=2)
    sleeper = stack.start("worker")
    with first_sizes(stack.home / "files") as sizes:
        id_ = stack.submit()
        until(lambda: stack.sandbox.stats()["downloads"], "the download of the first worker")
        os.kill(sleeper.pid, signal.SIGSTOP)
        try:
            stack.start("worker")
            export, artifact = stored(stack, id_)
            written = artifact.stat()
        finally:
            os.kill(sleeper.pid, signal.SIGCONT)
        until(lambda: '"fenced"' in stack.log("worker") or "outcome=fenced" in stack.log("worker"), "a fenced step")
    assert artifacts_of(stack.home / "files", id_) == [artifact]
    assert (artifact.stat().st_ino, artifact.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)
    assert sizes[artifact] == export["file"]["bytes"]
    assert stack.show(id_)["file"] == export["file"]
    assert manifest(artifact)["sha256"] == export["file"]["sha256"]
    until(lambda: not parts(stack.home / "files"), "no part")
    assert [event["kind"] for event in stack.events(id_)].count("download") == 1


@pytest.mark.slow
def test_a_message_that_two_workers_get_is_downloaded_once(stack: Stack) -> None:
    stack.sandbox.fault("slow_answer", operation="download", seconds=3)
    stack.start("worker")
    stack.start("worker")
    id_ = stack.submit()
    until(lambda: stack.sandbox.stats()["downloads"], "the download of one worker")
    late = stack.log("worker").count("a message came late")

    def turned_away() -> bool:
        asyncio.run(_let_another_have_what_runs(redis_url(Settings(home=stack.home)), id_))
        return stack.log("worker").count("a message came late") > late

    until(turned_away, "the other worker turned away")
    _, artifact = stored(stack, id_)
    assert stack.sandbox.stats()["downloads"] == 1
    assert artifacts_of(stack.home / "files", id_) == [artifact]


async def _let_another_have_what_runs(url: str, export_id: str) -> None:
    """Remove what keeps arq from handing a message out twice, and make it due where it was passed over already."""
    async with Redis.from_url(url) as redis:
        async for key in redis.scan_iter(f"{in_progress_key_prefix}{export_id}*"):
            await redis.zadd(QUEUE_NAME, {key.decode().removeprefix(in_progress_key_prefix): 0}, xx=True)
            await redis.delete(key)


def test_files_are_named_by_the_template_and_described_beside(stack: Stack) -> None:
    stack.start("worker", LANDFALL_KEY_TEMPLATE=TEMPLATE)
    export, artifact = stored(stack, stack.submit(labels={"team": "../data team"}))
    store = stack.home / "files"
    assert str(artifact.relative_to(store)) == f"buy_with_prime/_.._data_team/{export['id']}-1.csv"
    told, (report,) = manifest(artifact), stack.sandbox.reports()
    assert {name: told[name] for name in ("bytes", "rows", "sha256", "columns")} == {
        name: export["file"][name] for name in ("bytes", "rows", "sha256", "columns")
    }
    assert {name: told[name] for name in ("vendor", "account", "request")} == {
        name: export[name] for name in ("vendor", "account", "request")
    }
    assert (told["export_id"], told["report_id"]) == (export["id"], report["id"])
    assert told["window"] == {name: export["request"][name] for name in ("start", "end")}
    moments = [datetime.fromisoformat(told[name]) for name in ("created_at", "started_at", "published_at")]
    assert moments == sorted(moments)


@pytest.mark.slow
def test_what_a_link_s_query_holds_is_written_nowhere(stack: Stack) -> None:
    stack.sandbox.fault("body_size", bytes=8_000_000)
    stack.sandbox.fault("slow_body", after_bytes=6_000_000, seconds=600)
    worker = stack.start("worker")
    cut_off = stack.submit()
    until(lambda: any(path.stat().st_size > 1 << 20 for path in parts(stack.home / "files")), "a part")
    assert LINK_SECRET.encode() not in b"".join(path.read_bytes() for path in parts(stack.home / "files"))
    worker.kill()
    worker.wait()
    faults = [("link_expired", {}), ("server_error", {"operation": "download"}), ("html_page", {})]
    for fault, how in faults:
        stack.sandbox.fault(fault, account="sandbox-it", **how)
    stack.start("worker")
    ids = [cut_off, *(stack.submit("shop-ab", number, force=True) for number in range(4))]
    answers = [(stored(stack, id_), stack.events(id_)) for id_ in ids]
    assert LINK_SECRET not in repr(answers)
    every = [path for path in stack.home.rglob("*") if path.is_file()]
    assert {".log", ".db", ".aof", ".csv", ".json"} <= {path.suffix for path in every}
    assert [path for path in every if LINK_SECRET in str(path) or LINK_SECRET.encode() in path.read_bytes()] == []
