"""Starts real sandboxes on free ports and speaks to them as a client would."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import httpx
import pytest

from tests import forked

REPOSITORY = Path(__file__).parents[2]
EXPERIENCE = "23272b65-efac-412d-a8aa-ce8ef41bb448"
START = "mutation Start($input: StartReportTaskInput!) { startReportTask(input: $input) { taskId } }"
POLL = "query Poll($id: ID!) { reportTask(taskId: $id) { status requestTime lastUpdatedTime reportType taskId } }"
LINK = "query Link($id: ID!) { reportDownloadLink(taskId: $id) { downloadUrl } }"


class Sandbox:
    """One running sandbox and a client of it."""

    def __init__(self, process: subprocess.Popen[str], errors: IO[str]) -> None:
        """Wait for the ready line; `errors` is what it may complain into."""
        assert process.stdout is not None
        self.process, self.errors = process, errors
        self.ready: dict[str, str] = json.loads(process.stdout.readline())
        self.http = httpx.Client(timeout=30, trust_env=False)
        self._tokens: dict[str, str] = {}

    def stats(self) -> dict[str, Any]:
        return dict(self.http.get(self.ready["control"] + "/stats").json())

    def reports(self) -> list[dict[str, Any]]:
        return list(self.http.get(self.ready["control"] + "/reports").json())

    def fault(self, name: str, **fields: Any) -> httpx.Response:
        return self.http.post(self.ready["control"] + "/faults", json={"fault": name, **fields})

    def ask_token(self, client_id: str = "sandbox-bwp", secret: str | None = None) -> httpx.Response:
        fields = {"client_id": client_id, "client_secret": secret or f"{client_id}-secret"}
        return self.http.post(
            self.ready["buy_with_prime"] + "/token", data={"grant_type": "client_credentials", **fields}
        )

    def headers(self, client_id: str = "sandbox-bwp") -> dict[str, str]:
        if client_id not in self._tokens:
            self._tokens[client_id] = self.ask_token(client_id).json()["access_token"]
        bearer = f"Bearer {self._tokens[client_id]}"
        return {"Authorization": bearer, "x-api-target-id": "target", "x-api-version": "2024-11-01"}

    def graphql(self, query: str, client_id: str = "sandbox-bwp", **variables: Any) -> httpx.Response:
        body = {"query": query, "variables": variables}
        return self.http.post(self.ready["buy_with_prime"] + "/graphql", json=body, headers=self.headers(client_id))

    def start(self, client_id: str = "sandbox-bwp") -> str:
        answer = self.graphql(START, client_id, input={"reportType": "USER_EVENTS"}).json()
        return str(answer["data"]["startReportTask"]["taskId"])

    def status(self, task_id: str) -> str:
        return str(self.graphql(POLL, id=task_id).json()["data"]["reportTask"]["status"])

    def link(self, task_id: str) -> str:
        return str(self.graphql(LINK, id=task_id).json()["data"]["reportDownloadLink"]["downloadUrl"])

    def finished_link(self) -> str:
        return self.link(self.start())

    def export(self, token: str = "sandbox-ig", experience: str = EXPERIENCE, **body: Any) -> httpx.Response:
        url = f"{self.ready['intelligems']}/analytics/experience/{experience}/export"
        headers = {"intelligems-access-token": token}
        return self.http.post(url, headers=headers, json={"exportType": "orders", **body})


Launch = Callable[..., Sandbox]


def sandbox_process(*flags: str) -> subprocess.Popen[str]:
    """Start ``python -m sandbox`` with these flags."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "sandbox", *flags],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _launched(opened: list[Sandbox], *flags: str) -> Sandbox:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - it is closed with its sandbox
    words, files = ("--port", "0", *flags), {"stdout": subprocess.PIPE, "stderr": errors}
    opened.append(Sandbox(forked.start("sandbox", *words, folder=Path.cwd(), env=environment, **files), errors))
    return opened[-1]


def _closed(opened: list[Sandbox]) -> None:
    for each in opened:
        each.http.close()
        with each.errors, each.process:
            each.process.terminate()
            each.process.wait(10)
            each.errors.seek(0)
            assert not each.errors.read()


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Start a sandbox with flags of the test's own."""
    opened: list[Sandbox] = []
    yield lambda *flags: _launched(opened, *flags)
    _closed(opened)


@pytest.fixture(scope="module")
def _quick_sandbox() -> Iterator[Sandbox]:
    opened: list[Sandbox] = []
    yield _launched(opened, "--build-mean", "0", "--bytes", "20000", "--rate-burst", "1000")
    _closed(opened)


@pytest.fixture
def quick(_quick_sandbox: Sandbox) -> Sandbox:
    """A sandbox whose reports are done at once, with nothing in its memory."""
    _quick_sandbox.http.post(_quick_sandbox.ready["control"] + "/reset")
    _quick_sandbox._tokens.clear()
    return _quick_sandbox
