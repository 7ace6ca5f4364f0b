"""Kills the worker in each step: the export is stored once, and started once where the report was known."""

from datetime import timedelta
from typing import Any

import pytest

from landfall.storage.disk import DiskStore
from tests.stack import Stack, until
from tests.story.store_watch import parts

pytestmark = pytest.mark.slow


def kill_when(stack: Stack, fault: str, **how: Any) -> str:
    """Submit one export, SIGKILL the worker while the fault holds its request up, start another worker."""
    stack.sandbox.fault(fault, **how)
    worker = stack.start("worker")
    id_ = stack.submit()
    until(lambda: stack.sandbox.stats()["faults"].get(fault), f"the worker held up by {fault}")
    worker.kill()
    worker.wait()
    stack.start("worker")
    return id_


@pytest.mark.parametrize(
    ("fault", "how"),
    [
        ("slow_answer", {"operation": "token"}),
        ("slow_answer", {"operation": "poll"}),
        ("slow_answer", {"operation": "link"}),
        ("slow_body", {"after_bytes": 20_000}),
    ],
    ids=["start", "poll", "link", "download"],
)
def test_a_worker_killed_in_a_step_costs_nothing(stack: Stack, fault: str, how: dict[str, Any]) -> None:
    # Who asks for a token keeps the others waiting for a little longer than it may wait itself, even when it is dead.
    with stack.changed("request_timeout = 3"):
        id_ = kill_when(stack, fault, seconds=60, **how)
    stack.wait_for(id_, "stored")
    assert stack.sandbox.stats()["starts"]["buy_with_prime"] == 1
    assert len(stack.files(id_)) == 1
    assert "rescued" in [event["kind"] for event in stack.events(id_)]


def test_a_worker_killed_after_the_vendor_took_the_start_starts_anew_and_stores_once(stack: Stack) -> None:
    id_ = kill_when(stack, "slow_answer", operation="start", seconds=60)
    stack.wait_for(id_, "stored")
    assert stack.sandbox.stats()["starts"]["buy_with_prime"] == 2
    assert stack.sandbox.stats()["most_started"]["sandbox-c1"] <= 5
    assert len(stack.files(id_)) == 1


def test_a_worker_killed_in_the_long_post_of_intelligems_costs_nothing(stack: Stack) -> None:
    stack.sandbox.fault("slow_answer", operation="start", seconds=60)
    worker = stack.start("worker")
    id_ = stack.submit("shop-ab")
    until(lambda: stack.sandbox.stats()["faults"].get("slow_answer"), "the worker held up in the POST")
    worker.kill()
    worker.wait()
    stack.start("worker")
    stack.wait_for(id_, "stored")
    assert len(stack.files(id_)) == 1


def test_workers_killed_again_and_again_lose_nothing(stack: Stack) -> None:
    ids = [stack.submit("shop-bwp", number) for number in range(25)]
    unsuspected = {"LANDFALL_MAX_CRASHES": "50"}  # more than are killed here
    kills, successor = 0, stack.start("worker", **unsuspected)
    while (stored := count_stored(stack, ids)) < len(ids) and kills < 5:
        worker, successor = successor, stack.start("worker", **unsuspected)
        until(lambda stored=stored: count_stored(stack, ids) > stored, "another export stored")  # type: ignore[misc]  # mypy does not infer a lambda with a default
        worker.kill()
        worker.wait()
        kills += 1
    for id_ in ids:
        stack.wait_for(id_, "stored")
    assert kills > 1
    assert [len(stack.published(id_)) for id_ in ids] == [1] * len(ids)
    assert stack.sandbox.stats()["most_started"]["sandbox-c1"] <= 5
    stack.stop(but=1)
    DiskStore(stack.home / "files").sweep(timedelta())
    assert parts(stack.home / "files") == []


def count_stored(stack: Stack, ids: list[str]) -> int:
    every = stack.get("/v1/exports", params={"state": "stored", "limit": 100}).json()["items"]
    return len({export["id"] for export in every} & {*ids})
