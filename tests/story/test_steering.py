"""Cancels and retries exports in the middle of each step: nothing is published that nobody wants, every slot comes back."""

import hashlib
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from landfall.storage.disk import DiskStore
from tests.stack import Stack, until
from tests.story.store_watch import artifacts_of, manifest, stored

SLOW = {"seconds": 600, "after_bytes": 20_000}


@pytest.fixture
def stack(stack: Stack) -> Iterator[Stack]:
    """The house; the parts that a cancelled download leaves for a retry go with the test."""
    yield stack
    stack.stop(but=1)
    DiskStore(stack.home / "files").sweep(timedelta())


def cancel(stack: Stack, export_id: str) -> None:
    answer = stack.post(f"/v1/exports/{export_id}/cancel")
    assert answer.status_code == 200, answer.text


def retry(stack: Stack, export_id: str, start: str = "step") -> None:
    answer = stack.post(f"/v1/exports/{export_id}/retry", json={"from": start})
    assert answer.status_code == 200, answer.text


def slots_used(stack: Stack) -> int:
    (account,) = (each for each in stack.get("/v1/accounts").json()["items"] if each["name"] == "shop-bwp")
    return int(account["slots_used"])


def stopped_at(stack: Stack, place: str, folder: Path) -> tuple[str, subprocess.Popen[bytes]]:
    """An export whose worker stands still at this place."""
    worker = stack.start("worker", LANDFALL_FAILPOINTS=f"{place}=stop", LANDFALL_FAILPOINTS_FOLDER=str(folder))
    export_id = stack.submit()
    process = psutil.Process(worker.pid)
    until(lambda: process.status() == psutil.STATUS_STOPPED, f"a worker that stands still at {place}")
    return export_id, worker


def nothing_is_left(stack: Stack, export_id: str) -> bool:
    root = stack.home / "files"
    return not [path for path in root.rglob(f"*{export_id}*") if path.is_file()] and slots_used(stack) == 0


@pytest.mark.parametrize(
    "place",
    [
        "start.before_call",
        "start.accepted",
        "poll.before_call",
        "poll.answered",
        "download.begun",
        "download.chunk",
        "publish.linked",
        "download.published",
    ],
)
@pytest.mark.slow
def test_an_export_cancelled_in_the_middle_of_a_step_leaves_neither_file_nor_slot(
    stack: Stack, place: str, tmp_path: Path
) -> None:
    export_id, worker = stopped_at(stack, place, tmp_path)
    cancel(stack, export_id)
    worker.send_signal(signal.SIGCONT)
    after, _ = stored(stack, stack.submit(number=2))
    until(lambda: nothing_is_left(stack, export_id) or None, "neither file nor slot")
    assert stack.show(export_id)["state"] == "cancelled"
    assert stack.show(export_id)["file"] is None
    assert after["generation"] == 1
    assert stack.sandbox.stats()["starts"]["buy_with_prime"] <= 2


def slow_download(stack: Stack) -> str:
    """An export whose download would take for ever."""
    store = stack.home / "files"
    before = set(store.glob(".parts/*.part"))
    stack.sandbox.fault("slow_body", **SLOW)
    stack.start("worker")
    export_id = stack.submit()
    until(lambda: set(store.glob(".parts/*.part")) - before, "a part of its own")
    return export_id


def test_a_cancelled_download_stops_and_goes_on_with_its_report_when_it_is_retried(stack: Stack) -> None:
    export_id = slow_download(stack)
    lost = stack.log("worker").count("lease_lost")
    cancel(stack, export_id)
    until(lambda: stack.log("worker").count("lease_lost") > lost or None, "a download that stops")
    assert artifacts_of(stack.home / "files", export_id) == []
    retry(stack, export_id)
    export, artifact = stored(stack, export_id)
    (report,) = stack.sandbox.reports()
    assert hashlib.sha256(artifact.read_bytes()).hexdigest() == report["sha256"] == export["file"]["sha256"]
    assert (export["generation"], stack.sandbox.stats()["starts"]["buy_with_prime"]) == (1, 1)
    kinds = [event["kind"] for event in stack.events(export_id)]
    assert kinds[-3:] == ["cancel", "retry", "download"]


def test_a_retry_from_the_start_never_serves_what_the_cancelled_life_had_published(
    stack: Stack, tmp_path: Path
) -> None:
    export_id, worker = stopped_at(stack, "download.published", tmp_path)
    (old,) = artifacts_of(stack.home / "files", export_id)
    first = hashlib.sha256(old.read_bytes()).hexdigest()
    cancel(stack, export_id)
    retry(stack, export_id, "start")
    worker.send_signal(signal.SIGCONT)
    export, artifact = stored(stack, export_id)
    digest = hashlib.sha256(artifact.read_bytes()).hexdigest()
    assert export["generation"] == 2
    assert {first, digest} == {report["sha256"] for report in stack.sandbox.reports()}
    assert digest == export["file"]["sha256"] == manifest(artifact)["sha256"] != first


def test_a_retry_adopts_the_report_that_the_vendor_went_on_building(stack: Stack) -> None:
    stack.sandbox.fault("never_finishes")
    stack.start("worker")
    export_id = stack.submit()
    stack.wait_for(export_id, "exporting")
    cancel(stack, export_id)
    assert slots_used(stack) == 1
    retry(stack, export_id)
    stack.wait_for(export_id, "exporting")
    assert stack.sandbox.stats()["starts"]["buy_with_prime"] == 1
    assert slots_used(stack) == 1
    cancel(stack, export_id)


@pytest.mark.slow
def test_many_who_cancel_and_retry_at_once_get_answers_and_the_export_its_file(stack: Stack) -> None:
    stack.start("worker")
    export_id = stack.submit()

    def steer(number: int) -> int:
        return stack.post(f"/v1/exports/{export_id}/{('cancel', 'retry')[number % 2]}", json={}).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = Counter(pool.map(steer, range(60)))
    assert set(answers) <= {200, 409}, answers
    if stack.show(export_id)["state"] == "cancelled":
        retry(stack, export_id)
    stored(stack, export_id)
    until(lambda: slots_used(stack) == 0 or None, "every slot back")
    assert len(artifacts_of(stack.home / "files", export_id)) == 1


def test_a_paused_account_starts_nothing_and_finishes_what_it_has(stack: Stack) -> None:
    stack.start("worker")
    running = stack.submit()
    stack.wait_for(running, "exporting", "ready", "stored")
    assert stack.post("/v1/accounts/shop-bwp/pause").status_code == 200
    waiting = stack.submit(number=2)
    stored(stack, running)
    assert stack.show(waiting)["state"] == "queued"
    assert stack.post("/v1/accounts/shop-bwp/resume").status_code == 200
    stored(stack, waiting)
