"""Offers the places that files are kept in: a folder, and a bucket of a real S3 service."""

import itertools
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from landfall.storage.store import Store, open_store
from tests.services.proxy import Proxy, running_proxy
from tests.services.swift import KEY_ID, SECRET, Swift, missing, running_swift

BUCKET = "landfall"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Place:
    """A store, and what somebody who looks past it sees there: published files, and unpublished remains."""

    url: str
    visible: Callable[[], list[str]]
    remains: Callable[[], list[str]]

    @property
    def store(self) -> Store:
        return open_store(self.url)


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    reason = missing()
    if reason:
        pytest.skip(reason)
    with running_swift(tmp_path_factory.mktemp("swift")) as service:
        service.make_bucket(BUCKET)
        yield service


@pytest.fixture
def s3_keys(monkeypatch: pytest.MonkeyPatch, swift: Swift) -> Swift:
    """The service, and an environment that says how to reach it."""
    for name in ("AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", swift.endpoint)
    return swift


@pytest.fixture
def bucket(s3_keys: Swift) -> Place:
    """A prefix of its own in the bucket."""
    prefix = f"test-{next(_numbers)}"

    def listed(container: str) -> list[str]:
        return sorted(
            name.removeprefix(f"{prefix}/") for name in s3_keys.objects(container) if name.startswith(f"{prefix}/")
        )

    # Swift keeps what is uploaded in parts in a container of its own.
    return Place(f"s3://{BUCKET}/{prefix}", lambda: listed(BUCKET), lambda: listed(f"{BUCKET}+segments"))


@pytest.fixture
def folder(tmp_path: Path) -> Place:
    root = tmp_path / "files"

    def listed(*, hidden: bool) -> list[str]:
        names = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
        return sorted(str(name) for name in names if any(part.startswith(".") for part in name.parts) == hidden)

    return Place(root.as_uri(), lambda: listed(hidden=False), lambda: listed(hidden=True))


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch, s3_keys: Swift) -> Iterator[Proxy]:
    """A proxy that the environment names in the service's place."""
    with running_proxy(s3_keys.port) as between:
        monkeypatch.setenv("AWS_ENDPOINT_URL", between.endpoint)
        yield between


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this machine that is taken but answers nobody."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        yield port
