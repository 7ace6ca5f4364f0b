"""Tries the throttle over real processes: lost starts, reports that nobody waits for, breakers, many workers."""

from typing import Any

import pytest

from tests.stack import Stack, until


def account(stack: Stack, name: str = "shop-bwp") -> dict[str, Any]:
    items = stack.get("/v1/accounts").json()["items"]
    return dict(next(each for each in items if each["name"] == name))


@pytest.mark.slow
def test_two_workers_share_slots_polls_and_one_token(stack: Stack) -> None:
    stack.start("worker")
    stack.start("worker")
    ids = [stack.submit("shop-bwp", number) for number in range(20)]
    exports = [stack.wait_for(id_, "stored", "failed") for id_ in ids]
    stats = stack.sandbox.stats()
    assert {export["state"] for export in exports} == {"stored"}
    assert stats["most_started"]["sandbox-c1"] == 5
    assert (stats["starts"]["buy_with_prime"], stats["throttled"], stats["tokens"]) == (20, 0, 1)
    assert stats["polls"]["buy_with_prime"] == sum(export["polls"] for export in exports)


@pytest.mark.slow
def test_a_lost_start_keeps_a_slot_for_the_safety_time_and_lets_go(stack: Stack) -> None:
    stack.sandbox.fault("lost_answer", operation="start")
    stack.start("worker")
    id_ = stack.submit()
    until(lambda: "sent back" in [event["kind"] for event in stack.events(id_)], "the start sent back")
    assert account(stack)["slots_used"] >= 1
    assert stack.wait_for(id_, "stored", "failed")["state"] == "stored"
    until(lambda: account(stack)["slots_used"] == 0, "the held slot let go")
    assert stack.sandbox.stats()["starts"]["buy_with_prime"] == 2


@pytest.mark.slow
def test_an_export_past_its_deadline_keeps_its_slot_until_the_vendor_is_done(stack: Stack) -> None:
    stack.sandbox.fault("never_finishes")
    stack.start("worker")
    id_ = stack.submit(deadline="PT1S")
    failed = stack.wait_for(id_, "failed")
    assert failed["error"]["code"] == "deadline_passed"
    assert account(stack)["slots_used"] == 1
    report = stack.sandbox.reports()[0]["id"]
    stack.sandbox.fault("report_failed", report=report)
    until(lambda: account(stack)["slots_used"] == 0, "the orphan's slot let go")


def test_refused_credentials_stop_the_account_and_nothing_else_fails(stack: Stack) -> None:
    stack.sandbox.fault("forbidden", operation="start")
    stack.start("worker")
    stack.wait_for(stack.submit("shop-bwp", 1), "failed")
    breaker = account(stack)["breaker"]
    assert (breaker["state"], breaker["error"]["code"]) == ("open", "credentials_refused")
    waiting = [stack.submit("shop-bwp", number) for number in range(2, 6)]
    stack.wait_for(stack.submit("shop-ab", 1), "stored")
    assert {stack.show(id_)["state"] for id_ in waiting} == {"queued"}
    stack.forget()
    for id_ in waiting:
        stack.wait_for(id_, "stored")


@pytest.mark.slow
def test_throttling_from_outside_lowers_the_limit_for_a_while(stack: Stack) -> None:
    stack.sandbox.fault("throttle")
    stack.start("worker")
    id_ = stack.submit()
    until(lambda: account(stack)["limit"] < 5, "a lowered limit")
    export = stack.wait_for(id_, "stored", "failed")
    assert export["state"] == "stored"
    assert [event["attempt"] for event in stack.events(id_) if event["kind"] == "start"] == [1]


@pytest.mark.slow
def test_a_rate_limit_pauses_the_account_until_the_time_it_names(stack: Stack) -> None:
    stack.sandbox.fault("rate_limited", operation="start", seconds=2)
    stack.start("worker")
    first, second = stack.submit("shop-ab", 1), stack.submit("shop-ab", 2)
    until(lambda: account(stack, "shop-ab")["blocked_until"], "a paused account")
    for id_ in (first, second):
        stack.wait_for(id_, "stored")
    assert stack.sandbox.stats()["faults"] == {"rate_limited": 1}
