"""Gives each story a sandbox and a home of its own."""

from collections.abc import Iterator

import pytest

from tests.stack import LINK_SECRET, Stack, run_stack
from tests.vendors.sandbox_process import Sandbox, run_sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with run_sandbox(
        "--build-mean", "0.3", "--bytes", "50000", "--rate-burst", "1000", "--link-token", LINK_SECRET
    ) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Stack]:
    """A home and an API for all stories: starting processes is what takes time."""
    with run_stack(tmp_path_factory.mktemp("story") / "home", sandbox) as stack:
        stack.start_api()
        yield stack


@pytest.fixture(scope="module")
def worker(house: Stack) -> Iterator[Stack]:
    """One worker for all stories of a module; theirs to call `forget` before each."""
    house.start("worker")
    yield house
    house.stop(but=1)


@pytest.fixture
def stack(house: Stack) -> Iterator[Stack]:
    """The house, with a sandbox that knows nothing yet; the workers that a test starts end with it."""
    house.forget()
    yield house
    house.stop(but=1)
