"""Starts what the tests of the command share: the sandbox, and one `landfall up` against it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import Up, run, sandbox, up, write_accounts


@pytest.fixture(scope="session")
def vendors() -> Iterator[dict[str, str]]:
    with sandbox("--build-mean", "0.1", "--bytes", "20000", "--rate-burst", "1000") as addresses:
        yield addresses


@pytest.fixture(scope="session")
def running(vendors: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder: Path = tmp_path_factory.mktemp("running")
    write_accounts(folder, vendors)
    with up(folder, "--quiet") as found:
        yield found


@pytest.fixture
def paused(running: Up) -> Iterator[Up]:
    """Nothing of shop-bwp is started: what is asked for stays queued."""
    assert run(running, "pause", "shop-bwp").returncode == 0
    yield running
    run(running, "cancel", "--filter", "account=shop-bwp", "--yes")
    assert run(running, "resume", "shop-bwp").returncode == 0
