"""Kills the worker in each step: the export is stored once, and started once where the report was known."""

from typing import Any

import pytest

from tests.stack import Stack, until


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
    kills = 0
    while (stored := count_stored(stack, ids)) < len(ids) and kills < 5:
        worker = stack.start("worker")
        until(lambda stored=stored: count_stored(stack, ids) > stored, "another export stored")  # type: ignore[misc]  # mypy does not infer a lambda with a default
        worker.kill()
        worker.wait()
        kills += 1
    stack.start("worker")
    for id_ in ids:
        stack.wait_for(id_, "stored")
    assert kills > 1
    assert [len(stack.published(id_)) for id_ in ids] == [1] * len(ids)
    assert stack.sandbox.stats()["most_started"]["sandbox-c1"] <= 5


def count_stored(stack: Stack, ids: list[str]) -> int:
    return sum(stack.show(id_)["state"] == "stored" for id_ in ids)
