"""Tells by the account, the metrics and the command how fresh the stored files are, while the settings change."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import forked
from tests.exposed import Exposed
from tests.stack import Stack, run_stack, until
from tests.vendors.sandbox_process import Sandbox

EVENTS = {"account": "shop-bwp", "vendor": "buy_with_prime", "report_type": "USER_EVENTS"}


@pytest.fixture(params=["sqlite", "postgres"])
def stack(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path) -> Iterator[Stack]:
    """A home of the test's own, and an API that knows of no target."""
    sandbox.reset()
    settings = {}
    if request.param == "postgres":
        settings["LANDFALL_DATABASE_URL"] = request.getfixturevalue("postgres_url")
    with run_stack(tmp_path / "home", sandbox, settings=settings) as stack:
        stack.start_api()
        yield stack


def told(stack: Stack) -> dict[str, Any]:
    """What shop-bwp says of its user events."""
    (account,) = (each for each in stack.get("/v1/accounts").json()["items"] if each["name"] == "shop-bwp")
    return dict(account["freshness"][0]) if account["freshness"] else {"target_seconds": None}


def work(stack: Stack, seconds: float | None) -> None:
    """Have one worker, started with a target of so many seconds or with none."""
    stack.stop(but=1)
    lines = [f'freshness = {{ USER_EVENTS = "PT{seconds}S" }}'] if seconds else []
    with stack.changed(*lines):
        stack.start("worker")
        until(lambda: told(stack)["target_seconds"] == seconds, f"a target of {seconds} s")


def command(stack: Stack, *words: str) -> str:
    environment = stack.environment | {"LANDFALL_URL": stack.url}
    ended = forked.run("cli", "accounts", *words, folder=stack.home, env=environment)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def stale(stack: Stack) -> str:
    """What the command has in its last column for shop-bwp."""
    header, *rows = [line.split("\t") for line in command(stack).splitlines()]
    assert header[-1] == "STALE"
    return next(row[-1] for row in rows if row[0] == "shop-bwp")


def met(stack: Stack) -> float | None:
    """What a scrape says."""
    found = Exposed(stack.get("/metrics").text)
    return found.one("landfall_freshness_met", **EVENTS) if "landfall_freshness_met" in found.names else None


@pytest.mark.slow
def test_a_target_is_missed_then_met_then_missed_and_at_last_taken_back(stack: Stack) -> None:
    work(stack, 3600)
    assert stale(stack) == "USER_EVENTS: nothing stored yet, target 1 h 00 min"
    until(lambda: met(stack) == 0, "a scrape with a missed target")

    body = {"account": "shop-bwp", "request": {"report_type": "USER_EVENTS"}}
    export = stack.wait_for(stack.post("/v1/exports", json=body).json()["id"], "stored")
    found = told(stack)
    assert (found["met"], found["target_seconds"], found["export_id"]) == (True, 3600.0, export["id"])
    end = datetime.fromisoformat(found["window_end"])
    assert end == datetime.fromisoformat(export["request"]["end"])
    assert timedelta() <= datetime.fromisoformat(found["stored_at"]) - end < timedelta(minutes=10)
    assert stale(stack) == ""
    until(lambda: met(stack) == 1, "a scrape with a target that is met")

    old = stack.wait_for(stack.submit("shop-bwp"), "stored")
    assert told(stack)["export_id"] == export["id"] != old["id"]

    work(stack, 1)
    until(lambda: told(stack)["met"] is False, "a target that is missed")
    assert stale(stack).startswith("USER_EVENTS: ")
    assert stale(stack).endswith(" s old, target 1 s")
    until(lambda: met(stack) == 0, "a scrape with a missed target")

    work(stack, None)
    assert told(stack)["met"] is None
    assert stale(stack) == ""
    kinds = json.loads(command(stack, "--json"))["items"][1]["freshness"]
    assert [(each["report_type"], each["target_seconds"]) for each in kinds] == [("USER_EVENTS", None)]
    until(lambda: met(stack) is None, "a scrape without a target")
