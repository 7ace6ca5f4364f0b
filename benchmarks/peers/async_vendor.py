"""Calls the vendor from coroutines."""

import asyncio
from collections import defaultdict
from typing import Any

import httpx

from benchmarks.peers import calls
from benchmarks.peers.work import Work

# httpx slows down badly with some hundred requests in flight.
_IN_FLIGHT = 100


class AsyncVendor:
    """One connection pool for all accounts, and a token for each."""

    def __init__(self, work: Work) -> None:
        """Connect when asked."""
        self._work = work
        limits = httpx.Limits(max_connections=_IN_FLIGHT, max_keepalive_connections=_IN_FLIGHT)
        self._client = httpx.AsyncClient(limits=limits, timeout=60, trust_env=False)
        self._in_flight = asyncio.Semaphore(_IN_FLIGHT)
        self._tokens: dict[str, str] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def start(self, account: str, nth: int) -> str:
        """Start a report; returns its task id. Raises ThrottledError where no slot is free."""
        return str((await self._call(account, calls.start(nth)))["taskId"])

    async def is_finished(self, account: str, task: str) -> bool:
        """Ask how the report stands."""
        return calls.is_finished(await self._call(account, calls.status(task)))

    async def download(self, account: str, task: str, nth: int) -> None:
        """Ask for a link and stream the CSV to the disk."""
        url = (await self._call(account, calls.link(task)))["downloadUrl"]
        final = self._work.file(account, nth)
        part = final.with_suffix(".part")
        async with self._in_flight, self._client.stream("GET", url) as response:
            response.raise_for_status()
            with part.open("wb") as file:
                async for chunk in response.aiter_bytes(1 << 20):
                    file.write(chunk)
        part.rename(final)

    async def _call(self, account: str, body: dict[str, Any]) -> dict[str, Any]:
        token = await self._token(account)
        async with self._in_flight:
            url = f"{self._work.base_url}/graphql"
            return calls.answer(await self._client.post(url, json=body, headers=calls.headers(token)))

    async def _token(self, account: str) -> str:
        async with self._locks[account]:
            if account not in self._tokens:
                url = f"{self._work.base_url}/token"
                response = await self._client.post(url, data=calls.token_form(account))
                self._tokens[account] = response.raise_for_status().json()["access_token"]
        return self._tokens[account]
