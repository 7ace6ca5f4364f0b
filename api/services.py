"""Holds what the routes need, made once a process."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    _ringing: set[asyncio.Task[None]] = field(default_factory=set)

    def wake_a_worker(self) -> None:
        """Ring in the background; one ring at a time is enough for everybody."""
        if self._ringing:
            return
        task = asyncio.create_task(self.bell.ring())
        self._ringing.add(task)
        task.add_done_callback(self._ringing.discard)


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Given = Annotated[Services, Depends(_services)]
