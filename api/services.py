"""Holds what the routes need, made once a process."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from landfall.database.connection import Database
from landfall.storage.store import Store
from landfall.transport.wakeup import Bell
from landfall.vendors.account import Account


@dataclass(slots=True)
class Services:
    """The database, the bell that wakes a worker, the accounts of the settings and the store."""

    database: Database
    bell: Bell
    accounts: Mapping[str, Account]
    store: Store
    _ringing: asyncio.Task[None] | None = None
    _ring_again: bool = False

    def wake_a_worker(self) -> None:
        """Ring in the background; whoever comes while it rings is served by one more ring after it."""
        if self._ringing:
            self._ring_again = True
            return
        self._ringing = asyncio.create_task(self.bell.ring())
        self._ringing.add_done_callback(self._rung)

    def _rung(self, _task: asyncio.Task[None]) -> None:
        self._ringing = None
        if self._ring_again:
            self._ring_again = False
            self.wake_a_worker()


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Given = Annotated[Services, Depends(_services)]
