"""Starts what the client's tests share: the sandbox, one API and one worker."""

from collections.abc import Iterator

import pytest

from landfall_client import Landfall
from tests.stack import Stack, run_stack
from tests.vendors.sandbox_process import Sandbox, run_sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with run_sandbox("--build-mean", "0.05", "--bytes", "20000", "--rate-burst", "10000") as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Stack]:
    with run_stack(tmp_path_factory.mktemp("client") / "home", sandbox) as stack:
        stack.start("worker", LANDFALL_CONCURRENCY="20")
        stack.start_api()
        yield stack


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Stack]:
    """An API of a module's own, to be killed."""
    with run_stack(tmp_path_factory.mktemp("hard") / "home", sandbox) as stack:
        stack.start_api()
        yield stack


@pytest.fixture
def client(house: Stack) -> Iterator[Landfall]:
    with Landfall(house.url, house.key) as client:
        yield client
