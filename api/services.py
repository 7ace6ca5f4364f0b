"""Holds what the routes need, made once a process."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from api.cursors import Cursors
from api.submitting import Submitting
from landfall.database.connection import Database
from landfall.exports.policy import Policy
from landfall.storage.store import Store
from landfall.transport.wakeup import Bell
from landfall.vendors.account import Account
from landfall.webhooks import Webhooks


@dataclass(slots=True)
class Services:
    """The database, the bell that wakes a worker, the accounts of the settings, the store and its lists' cursors."""

    database: Database
    bell: Bell
    accounts: Mapping[str, Account]
    store: Store
    cursors: Cursors
    submitting: Submitting
    webhooks: Webhooks = field(default_factory=Webhooks)
    policies: Mapping[str, Policy] = field(default_factory=dict)
    # Requests under an Idempotency-Key that are being answered: whose, and under which.
    answering: set[tuple[str, str]] = field(default_factory=set)
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


def services_of(request: Request) -> Services:
    """What the app of this request holds."""
    services: Services = request.app.state.services
    return services


async def _services(request: Request) -> Services:  # FastAPI hands to a thread what is not async
    return services_of(request)


Given = Annotated[Services, Depends(_services)]
