"""Gives the tests of tracing a collector, a sandbox, and a house whose processes send their spans."""

from collections.abc import Iterator

import pytest

from tests.stack import LINK_SECRET, Stack, run_stack
from tests.tracing.collector import Collector, run_collector
from tests.vendors.sandbox_process import Sandbox, run_sandbox

WITH_COPY = """
[accounts.shop-copy]
vendor = "intelligems"
access_token = { env = "IT_TOKEN" }
parquet = true
base_url = "%s"
"""


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with run_sandbox(
        "--build-mean", "0.3", "--bytes", "50000", "--rate-burst", "1000", "--link-token", LINK_SECRET
    ) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    with run_collector() as collector:
        yield collector


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox, collector: Collector) -> Iterator[Stack]:
    """An API that traces; starting processes is what takes time."""
    home = tmp_path_factory.mktemp("tracing") / "home"
    with run_stack(home, sandbox, WITH_COPY % sandbox.intelligems, collector.settings) as stack:
        stack.start_api()
        yield stack


@pytest.fixture
def stack(house: Stack) -> Iterator[Stack]:
    """The house, with a sandbox that knows nothing yet; the workers that a test starts end with it."""
    house.forget()
    yield house
    house.stop(but=1)
