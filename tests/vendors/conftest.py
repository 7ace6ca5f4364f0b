"""Runs async tests and lends every test a clean sandbox."""

import asyncio
import inspect
from collections.abc import Iterator

import pytest

from tests.vendors.sandbox_process import Sandbox, run_sandbox


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine function to its end."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[Sandbox]:
    """One sandbox whose reports are built at once."""
    with run_sandbox("--build-mean", "0.05", "--build-sigma", "0.1", "--rate-burst", "10000") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(sandbox_process: Sandbox) -> Sandbox:
    """The sandbox, with everything forgotten."""
    sandbox_process.reset()
    return sandbox_process
