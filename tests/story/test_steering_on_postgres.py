"""Steers many exports at once on Postgres while two workers settle them: nobody waits for ever, no slot is lost."""

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.stack import Stack, run_stack, until
from tests.vendors.sandbox_process import Sandbox

EXPORTS = 12
DEEDS = 160


@pytest.fixture
def stack(sandbox: Sandbox, tmp_path: Path, postgres_url: str) -> Iterator[Stack]:
    sandbox.reset()
    with run_stack(tmp_path / "home", sandbox, settings={"LANDFALL_DATABASE_URL": postgres_url}) as stack:
        stack.start_api()
        yield stack


@pytest.mark.slow
def test_cancels_and_retries_beside_settlements_lose_no_slot_and_no_export(stack: Stack) -> None:
    for _ in range(2):
        stack.start("worker")
    names = [stack.submit(number=number) for number in range(EXPORTS)]
    rng = random.Random(11)
    single: list[tuple[str, object]] = [
        (f"/v1/exports/{rng.choice(names)}/{rng.choice(['cancel', 'retry'])}", {}) for _ in range(DEEDS)
    ]
    many: list[tuple[str, object]] = [
        (f"/v1/exports/{verb}", {"filter": {"account": "shop-bwp"}}) for verb in ("cancel", "retry") for _ in range(4)
    ]
    deeds = rng.sample(single + many, DEEDS + len(many))

    with ThreadPoolExecutor(8) as pool:
        answers = Counter(pool.map(lambda deed: stack.post(deed[0], json=deed[1]).status_code, deeds))
    assert set(answers) <= {200, 409}, answers
    left = {"filter": {"state": ["failed", "cancelled"]}}
    assert stack.post("/v1/exports/retry", json=left).status_code == 200
    assert {stack.wait_for(name, "stored", "failed")["state"] for name in names} == {"stored"}
    until(lambda: not any(each["slots_used"] for each in stack.get("/v1/accounts").json()["items"]), "every slot back")
    assert stack.sandbox.stats()["most_started"]["sandbox-c1"] <= 5
    for name in names:
        assert len(stack.published(name)) == 1
