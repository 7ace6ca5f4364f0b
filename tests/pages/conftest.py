"""Gives the tests of the pages an API without a worker, and a browser's way of asking."""

from collections.abc import Iterator

import pytest

from tests.api.conftest import NOWHERE
from tests.pages.browsing import PROXY, Visitor
from tests.stack import Stack, run_stack
from tests.vendors.sandbox_process import Sandbox
from tests.webhooks.receiver import SECRET

OPERATED = f"""
freshness = {{ USER_EVENTS = "PT36H" }}

[accounts.north]
vendor = "intelligems"
access_token = {{ env = "IT_TOKEN" }}
base_url = "{NOWHERE}/intelligems"

[webhooks.ops]
url = "https://ops.receiver.test/PlantedPath?key=PlantedQuery"
secret = {{ env = "HOOK_SECRET" }}

[webhooks.guarded]
url = "https://guarded.receiver.test/"
secret = {{ env = "HOOK_SECRET" }}
events = ["export.failed"]
accounts = ["shop-ab"]
"""


@pytest.fixture(scope="session")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An API behind a proxy that it believes, where wrong keys are not counted."""
    vendors = Sandbox(f"{NOWHERE}/intelligems", f"{NOWHERE}/buywithprime", f"{NOWHERE}/_sandbox")
    with run_stack(tmp_path_factory.mktemp("front") / "home", vendors) as stack:
        stack.start_api(LANDFALL_API_PROXIES=PROXY, LANDFALL_API_WRONG_KEYS="0")
        yield stack


@pytest.fixture
def visitor(front: Stack) -> Iterator[Visitor]:
    """A browser that nobody has logged in with yet."""
    with Visitor(front) as visitor:
        yield visitor


@pytest.fixture(scope="session")
def operated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An API with a third account and two webhooks, whose rows tests plant as they need them."""
    vendors = Sandbox(f"{NOWHERE}/intelligems", f"{NOWHERE}/buywithprime", f"{NOWHERE}/_sandbox")
    home = tmp_path_factory.mktemp("operated") / "home"
    with run_stack(home, vendors, OPERATED, {"HOOK_SECRET": SECRET}) as stack:
        stack.start_api()
        yield stack


@pytest.fixture
def admin(operated: Stack) -> Iterator[Visitor]:
    """Somebody who is logged in and may do everything."""
    with Visitor(operated) as visitor:
        visitor.log_in(operated.key)
        yield visitor
