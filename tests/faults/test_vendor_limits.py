"""Rows 35 and 36: vendors that take no more for now, or nothing at all."""

import time
from itertools import pairwise
from typing import Any

import httpx
import pytest

from tests.faults.row import Row
from tests.faults.vendor_cases import accounts_of, assert_survived, break_it, client_of
from tests.stack import until

HELD = {f"held-{held}": held for held in range(6)}
STRIKES = 2
# The upper half of a backoff is random; 429 says itself how long to wait.
LEAST_BACKOFF = 0.5
NOTHING_WORKS = {"start": 500, "poll": 502, "link": 503, "token": 503}
OPEN_SECONDS = 8.0


def slots_held(row: Row, name: str) -> int:
    return int(row.stack.sandbox.stats()["started_now"].get(client_of(name), 0))


def start_calls(row: Row, account: str) -> list[dict[str, Any]]:
    return [call for call in row.calls() if (call["account"], call["operation"]) == (account, "start")]


def hurried(calls: list[dict[str, Any]]) -> list[float]:
    """Waits after a throttled start that were shorter than any backoff."""
    pairs = [(one, other) for one, other in pairwise(calls) if one["fault"]]
    gaps = [other["time"] - one["time"] for one, other in pairs]
    return [gap for gap in gaps if gap < LEAST_BACKOFF]


@pytest.mark.parametrize("fault", ["throttle", "rate_limited"])
@pytest.mark.faults(
    35, "throttled with 0 to 5 slots held", sandbox=["--build-mean", "3", "--build-sigma", "0.01"], **accounts_of(HELD)
)
def test_a_throttled_start_is_repeated_once_a_backoff_and_costs_no_attempt(row: Row, fault: str) -> None:
    row.start_workers(2)
    ids = []
    for name, held in HELD.items():
        row.submit(held, account=name)
        until(lambda: slots_held(row, name) == held, f"{held} slots held")  # noqa: B023 - called before the loop goes on
        break_it(row, name, fault, operation="start", count=STRIKES)
        ids += row.submit(account=name)
    figures = assert_survived(row, injected=STRIKES * len(HELD))
    attempts = [[event["attempt"] for event in row.stack.events(id_) if event["kind"] == "start"] for id_ in ids]
    assert attempts == [[1]] * len(HELD)
    calls = {name: start_calls(row, client_of(name)) for name in HELD}
    assert {name: len(made) for name, made in calls.items()} == {
        name: held + STRIKES + 1 for name, held in HELD.items()
    }
    assert {name: hurried(made) for name, made in calls.items()} == {name: [] for name in HELD}
    row.note(by=fault, retries=figures.injected, hurried=0)


@pytest.mark.faults(35, "somebody else holds 2 of 5 slots", sandbox=["--max-started", "3", "--build-mean", "0.5"])
def test_slots_that_somebody_else_holds_lower_the_limit_and_nothing_is_lost(row: Row) -> None:
    row.start_workers(2)
    row.submit(15)
    row.until_over()
    row.injected["throttled"] = throttled = row.stack.sandbox.stats()["throttled"]
    figures = assert_survived(row)
    assert figures.most_started == 3
    starts = [[event["attempt"] for event in row.stack.events(id_) if event["kind"] == "start"] for id_ in row.accepted]
    assert starts == [[1]] * 15
    row.note(throttled=throttled, exports=15)


@pytest.mark.faults(36, f"500, 502 and 503 to every call for {OPEN_SECONDS:g} s", sandbox=["--build-mean", "1"])
def test_a_broken_vendor_is_hardly_called_until_it_recovers(row: Row) -> None:
    row.start_workers(2)
    row.submit(60)
    until(lambda: row.starts() > 5, "work in full swing")
    began = time.time()
    until(lambda: row.starts() > 25, "work going on")
    broke = time.time()
    for operation, status in NOTHING_WORKS.items():
        row.stack.sandbox.fault("server_error", operation=operation, status=status, count=10**6)
    until(lambda: row.account()["breaker"], "an open breaker")
    opened = time.time()
    until(lambda: time.time() > opened + OPEN_SECONDS, "the vendor broken for a while")
    mended = time.time()
    httpx.delete(f"{row.stack.sandbox.control}/faults", trust_env=False).raise_for_status()
    assert_survived(row, timed=False, injected=5, seconds=120)
    usual = rate(row, began, broke)
    while_open = rate(row, opened, mended)
    back = min(call["time"] for call in row.calls() if call["time"] > mended and call["status"] == httpx.codes.OK)
    row.note(usual=f"{usual:.0f}/s", open=f"{while_open:.1f}/s", share=f"{while_open / usual:.1%}")
    row.note(recovered_in=f"{back - mended:.1f} s")
    assert while_open <= 0.1 * usual


def rate(row: Row, since: float, until_: float) -> float:
    """Calls a second."""
    times = [float(call["time"]) for call in row.calls()]
    return sum(since <= at < until_ for at in times) / (until_ - since)
