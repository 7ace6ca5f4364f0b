"""Gives the stories of webhooks a sandbox, a receiver, and a home whose settings name it."""

import json
from collections.abc import Iterator

import pytest

from tests.stack import Stack, run_stack
from tests.vendors.sandbox_process import Sandbox, run_sandbox
from tests.webhooks.receiver import OTHER_SECRET, SECRET, Receiver, receiver

QUERY = "PlantedQueryOfAReceiver"
PATH = "PlantedPathOfAReceiver"


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with run_sandbox("--build-mean", "0.2", "--bytes", "5000", "--rate-burst", "1000") as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def told() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.fixture(scope="session")
def home(sandbox: Sandbox, told: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An API over a home with two webhooks and with callbacks; the workers are for the tests to start."""
    hooks = f"""
[webhooks.ops]
url = {json.dumps(f"{told.url}/{PATH}?key={QUERY}")}
secret = {{ env = "HOOK_SECRET" }}
previous_secret = {{ env = "OTHER_HOOK_SECRET" }}
allow_private_hosts = true

[webhooks.guarded]
url = {json.dumps(told.url.replace("http:", "https:"))}
secret = {{ env = "HOOK_SECRET" }}
accounts = ["shop-ab"]
"""
    settings = {
        "HOOK_SECRET": SECRET,
        "OTHER_HOOK_SECRET": OTHER_SECRET,
        "LANDFALL_CALLBACK_SECRET": '{"env": "HOOK_SECRET"}',
        "LANDFALL_CALLBACK_ALLOW_PRIVATE_HOSTS": "true",
        "LANDFALL_WEBHOOK_TIMEOUT_SECONDS": "1",
    }
    with run_stack(tmp_path_factory.mktemp("webhooks") / "home", sandbox, hooks, settings) as stack:
        stack.start_api()
        yield stack


@pytest.fixture
def stack(home: Stack, told: Receiver) -> Iterator[Stack]:
    """The home, with a receiver that got nothing yet; the workers that a test starts end with it."""
    home.forget()
    told.got.clear()
    told.replies.clear()
    yield home
    home.stop(but=1)
