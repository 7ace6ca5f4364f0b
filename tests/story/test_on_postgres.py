"""Tells the story on Postgres, with several workers of which one dies."""

import hashlib
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.services.postgres import Postgres
from tests.stack import Stack, run_stack, until
from tests.vendors.sandbox_process import Sandbox


@pytest.fixture
def stack(sandbox: Sandbox, tmp_path: Path, postgres_url: str) -> Iterator[Stack]:
    """A home whose rows are on Postgres, an API, and a sandbox that knows nothing yet."""
    sandbox.reset()
    with run_stack(tmp_path / "home", sandbox, settings={"LANDFALL_DATABASE_URL": postgres_url}) as stack:
        stack.start_api()
        yield stack


def test_exports_land_once_on_postgres_though_a_worker_dies(stack: Stack) -> None:
    workers = [stack.start("worker") for _ in range(3)]
    ids = [stack.submit("shop-bwp", number) for number in range(12)]
    ids += [stack.submit("shop-ab", number) for number in range(4)]
    until(lambda: stack.sandbox.stats()["starts"].get("buy_with_prime", 0) > 3, "starts under way")
    workers[0].send_signal(signal.SIGKILL)
    exports = [stack.wait_for(id_, "stored", "failed") for id_ in ids]
    assert {export["state"] for export in exports} == {"stored"}
    served = {report["sha256"] for report in stack.sandbox.reports()}
    for export in exports:
        body = Path(urlsplit(export["file"]["uri"]).path).read_bytes()
        assert export["file"]["sha256"] == hashlib.sha256(body).hexdigest()
        assert export["file"]["sha256"] in served
        assert len(stack.published(export["id"])) == 1
        assert [event["kind"] for event in stack.events(export["id"])].count("download") == 1
    assert stack.sandbox.stats()["most_started"]["sandbox-c1"] <= 5
    assert not (stack.home / "landfall.db").exists()


@pytest.mark.slow
def test_while_postgres_is_away_the_api_says_so_and_workers_wait_for_it(stack: Stack, postgres: Postgres) -> None:
    if not postgres.is_ours:
        pytest.skip("the server of TEST_DATABASE_URL is not ours to stop")
    worker = stack.start("worker")
    until(lambda: "worker ready" in stack.log("worker"), "a ready worker")
    stack.wait_for(stack.submit(), "stored")
    postgres.stop(signal.SIGQUIT)
    try:
        refused = stack.post("/v1/exports", json={"account": "shop-bwp", "request": {"report_type": "USER_EVENTS"}})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert refused.headers["content-type"] == "application/problem+json"
        assert stack.get("/healthz").status_code == 200
        assert stack.get("/readyz").status_code == 503
        until(lambda: '"task": "sweep"' in stack.log("worker"), "a worker that tries again")
    finally:
        postgres.start()
    until(lambda: stack.get("/readyz").status_code == httpx.codes.OK, "a ready API")
    stack.wait_for(stack.submit(number=2), "stored")
    assert worker.poll() is None
