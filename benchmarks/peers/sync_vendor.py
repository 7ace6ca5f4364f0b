"""Calls the vendor from threads and processes."""

import threading
from typing import Any

import httpx

from benchmarks.peers import calls
from benchmarks.peers.work import Work


class SyncVendor:
    """One connection pool for all accounts, and a token for each."""

    def __init__(self, work: Work) -> None:
        """Connect when asked."""
        self._work = work
        self._client = httpx.Client(timeout=60, trust_env=False)
        self._tokens: dict[str, str] = {}
        self._lock = threading.Lock()

    def start(self, account: str, nth: int) -> str:
        """Start a report; returns its task id. Raises ThrottledError where no slot is free."""
        return str(self._call(account, calls.start(nth))["taskId"])

    def is_finished(self, account: str, task: str) -> bool:
        """Ask how the report stands."""
        return calls.is_finished(self._call(account, calls.status(task)))

    def download(self, account: str, task: str, nth: int) -> None:
        """Ask for a link and stream the CSV to the disk."""
        url = self._call(account, calls.link(task))["downloadUrl"]
        final = self._work.file(account, nth)
        part = final.with_suffix(".part")
        with self._client.stream("GET", url) as response, part.open("wb") as file:
            response.raise_for_status()
            for chunk in response.iter_bytes(1 << 20):
                file.write(chunk)
        part.rename(final)

    def _call(self, account: str, body: dict[str, Any]) -> dict[str, Any]:
        url, token = f"{self._work.base_url}/graphql", self._token(account)
        return calls.answer(self._client.post(url, json=body, headers=calls.headers(token)))

    def _token(self, account: str) -> str:
        with self._lock:
            if account not in self._tokens:
                response = self._client.post(f"{self._work.base_url}/token", data=calls.token_form(account))
                self._tokens[account] = response.raise_for_status().json()["access_token"]
            return self._tokens[account]
