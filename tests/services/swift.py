"""Starts a real S3 service, OpenStack Swift, for the tests that need one."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest

KEY_ID = "test:tester"
SECRET = "testing"
SERVER = Path(__file__).with_name("swift_server.py")


@dataclass(frozen=True)
class Swift:
    """A running service; buckets are made through Swift's own API, which needs no signature."""

    port: int

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def make_bucket(self, name: str, *, quota_bytes: int | None = None) -> str:
        quota = {} if quota_bytes is None else {"X-Container-Meta-Quota-Bytes": str(quota_bytes)}
        self._ask("PUT", name, quota)
        return name

    def objects(self, bucket: str) -> dict[str, int]:
        """Name and size of every object that a reader can see."""
        listed = json.loads(self._ask("GET", f"{bucket}?format=json", {}) or b"[]")
        return {item["name"]: item["bytes"] for item in listed}

    def _ask(self, method: str, target: str, headers: dict[str, str]) -> bytes:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/auth/v1.0", headers={"X-Auth-User": KEY_ID, "X-Auth-Key": SECRET})
            granted = connection.getresponse()
            granted.read()
            token = {"X-Auth-Token": granted.headers["X-Auth-Token"]}
            connection.request(method, f"/v1/AUTH_test/{target}", headers={**token, **headers})
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        assert answer.status < 300, (method, target, answer.status)
        return body


def missing() -> str | None:
    """Why Swift cannot run here, None where it can."""
    if not sys.platform.startswith("linux"):
        return "OpenStack Swift runs on Linux only"
    absent = [name for name in ("swift", "eventlet", "paste.deploy") if not _importable(name)]
    return f"OpenStack Swift is not installed (missing: {', '.join(absent)})" if absent else None


def _importable(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@contextmanager
def running_swift(folder: Path) -> Iterator[Swift]:
    """Run the service in the folder for as long as the block lasts."""
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", SERVER, folder / "swift", "0"], env=environment, stdout=subprocess.PIPE, stderr=log
        )
    try:
        assert process.stdout is not None
        words = process.stdout.readline().split()
        assert words[:1] == [b"READY"], (folder / "log").read_text()[-2000:]
        yield Swift(int(words[1]))
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def bucket_of_the_environment(folder: Path, name: str) -> Iterator[Swift]:
    """A service with one bucket, which the variables AWS_* of this process lead to; skips where none can run."""
    if reason := missing():
        pytest.skip(reason)
    with running_swift(folder) as service, pytest.MonkeyPatch.context() as patch:
        service.make_bucket(name)
        patch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", service.endpoint)
        yield service
