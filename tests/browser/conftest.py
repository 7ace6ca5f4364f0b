"""Lends the browser tests one `landfall up` with a sandbox, and a Chromium."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import NoChromiumError, path_of_chromium, running_chromium
from tests.browser.house import House, run_house
from tests.browser.looking import Looker, looking

Look = Callable[..., AbstractContextManager[Looker]]


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """What all tests of a process look at: each looks at exports with labels of its own."""
    try:
        path_of_chromium()
    except NoChromiumError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("house")
    with run_house(folder, "--build-mean", "0.3", "--build-sigma", "0.1", "--bytes", "20000") as house:
        yield house


# Of a module, for other tests of the process run event loops of their own.
@pytest.fixture(scope="module")
def browser(house: House) -> Iterator[Browser]:  # noqa: ARG001 - which skips where there is none
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def look(browser: Browser, house: House) -> Look:
    """Opens a browser's profile for a block; with `key=` it is logged in."""
    return partial(looking, browser, house)
