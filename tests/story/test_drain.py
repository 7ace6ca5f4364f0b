"""Stops workers that are busy: they end cleanly, and nothing is lost or done twice."""

import signal

import pytest

from tests.stack import Stack, until

STARTS = 5
LONG = "600"


def drains(stack: Stack) -> int:
    return stack.log("worker").count("worker drains")


def test_a_stopping_worker_lets_its_steps_finish(stack: Stack) -> None:
    for _ in range(STARTS):
        stack.sandbox.fault("slow_answer", operation="start", seconds=1)
    worker = stack.start("worker")
    ids = [stack.submit("shop-bwp", number) for number in range(STARTS)]
    until(lambda: stack.sandbox.stats()["faults"].get("slow_answer", 0) == STARTS, "all starts under way")
    worker.terminate()
    assert worker.wait(30) == 0
    assert {stack.show(id_)["state"] for id_ in ids} == {"exporting"}
    stack.start("worker")
    for id_ in ids:
        stack.wait_for(id_, "stored")
        assert "rescued" not in [event["kind"] for event in stack.events(id_)]
    assert stack.sandbox.stats()["starts"]["buy_with_prime"] == STARTS


@pytest.mark.slow
def test_a_worker_that_is_asked_twice_to_stop_hands_its_steps_on_at_once(stack: Stack) -> None:
    stack.sandbox.fault("slow_body", seconds=float(LONG), after_bytes=1000)
    before = drains(stack) if (stack.home / "worker.log").exists() else 0
    worker = stack.start("worker", LANDFALL_GRACE_SECONDS=LONG)
    id_ = stack.submit()
    until(lambda: stack.sandbox.stats()["downloads"], "a download under way")
    worker.send_signal(signal.SIGTERM)
    until(lambda: drains(stack) > before, "a worker that drains")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    handed_back = stack.show(id_)
    assert (handed_back["state"], handed_back["attempts"]) == ("ready", 0)
    stack.start("worker")
    stack.wait_for(id_, "stored")
    assert stack.sandbox.stats()["starts"]["buy_with_prime"] == 1
