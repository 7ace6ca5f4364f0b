"""Puts senders and a herald over a database of a test's own, without the rest of a worker."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from landfall.database import accounts, deliveries, ledger
from landfall.database.clock import read_clock
from landfall.database.connection import Database
from landfall.database.deliveries import Delivery
from landfall.database.delivery_lists import DeliveryFilter, page
from landfall.database.sqlite import SqliteDatabase
from landfall.exports.job import ExportJob
from landfall.exports.settling import Event, Settled
from landfall.exports.states import State
from landfall.net.carrier import Carrier
from landfall.settings import Settings
from landfall.webhooks import Webhooks, parse_webhooks
from tests.database.databases import LIMITS, migrated
from tests.webhooks.receiver import OTHER_SECRET, SECRET
from worker.webhooks.announcing import Herald
from worker.webhooks.receivers import Receivers
from worker.webhooks.sending import Sender

PATIENCE_SECONDS = 30.0
DELAYS = (0.01, 0.01, 0.01)
T = TypeVar("T")


def hook(url: str, **more: Any) -> dict[str, Any]:
    """A table of the settings whose receiver is on loopback."""
    return {"url": url, "secret": {"env": "HOOK_SECRET"}, "allow_private_hosts": True, **more}


def webhooks(tables: dict[str, dict[str, Any]], *, callbacks: bool = False, private: bool = True) -> Webhooks:
    """The webhooks of such settings."""
    secret: Any = {"env": "HOOK_SECRET"} if callbacks else None
    return parse_webhooks(
        Settings(
            accounts={name: {} for name in LIMITS},
            webhooks=tables,
            callback_secret=secret,
            callback_allow_private_hosts=private,
        )
    )


def plant_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the secrets where the settings look for them."""
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setenv("OTHER_HOOK_SECRET", OTHER_SECRET)


async def until(look: Callable[[], Any], what: str) -> Any:
    """Look again and again until there is something to see; `look` may be a coroutine's function."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            seen = look()
            if asyncio.iscoroutine(seen):
                seen = await seen
            if seen:
                return seen
            await asyncio.sleep(0.005)
    raise AssertionError(what)


@dataclass
class House:
    """A database, its webhooks, and the senders that run."""

    database: Database
    webhooks: Webhooks
    carriers: tuple[Carrier, Carrier]
    counted: list[str] = field(default_factory=list)

    @property
    def herald(self) -> Herald:
        return Herald(self.database, self.webhooks, lambda: None)

    def sender(self, *, seconds: float = 20.0, lease: float = 20.0, delays: Sequence[float] = DELAYS) -> Sender:
        return Sender(
            self.database,
            Receivers(self.webhooks, *self.carriers),
            seconds=seconds,
            lease=timedelta(seconds=lease),
            count=self.counted.append,
            delays=delays,
        )

    @asynccontextmanager
    async def sending(self, **how: Any) -> AsyncIterator[Sender]:
        """A sender at work until the block ends."""
        sender = self.sender(**how)
        task = asyncio.create_task(sender.send_forever())
        try:
            yield sender
        finally:
            task.cancel()
            await asyncio.wait([task])
            await sender.drain(0.0, asyncio.Event())

    async def end(self, *jobs: ExportJob) -> None:
        """Accept exports and let them end at once, as the jobs say, each with the event that tells of it."""

        def work(connection: Any) -> None:
            before = [replace(job, state=State.READY, finished_at=None, error=None, artifact=None) for job in jobs]
            ledger.accept(connection, before)
            for live, job in zip(before, jobs, strict=True):
                settled = Settled(replace(job, version=2), Event("end", None, job.attempts, job.error))
                assert ledger.save(connection, live, settled, at=job.finished_at or job.created_at)

        await self.database.write(work)

    async def put(self, *urls: str, webhook: str | None = None) -> list[str]:
        """Have news for the webhook, or for these callback URLs."""

        def work(connection: Any) -> list[str]:
            now = read_clock(connection)
            new = [
                Delivery(
                    id=deliveries.new_id(),
                    webhook=webhook,
                    url=None if webhook else url,
                    type="export.stored",
                    subject=f"exp_{number}",
                    account="shop-bwp",
                    payload=f'{{"type":"export.stored","number":{number}}}',
                    created_at=now,
                    due_at=now,
                )
                for number, url in enumerate(urls)
            ]
            deliveries.add(connection, new)
            return [each.id for each in new]

        return await self.database.write(work)

    async def all(self) -> list[Delivery]:
        """Every delivery, newest first."""
        return await self.database.read(partial(page, wanted=DeliveryFilter(), after=None, limit=10_000))

    async def settled(self) -> list[Delivery]:
        """Every delivery, once none is pending."""

        async def look() -> list[Delivery]:
            found = await self.all()
            return [] if any(each.due_at for each in found) else found

        found: list[Delivery] = await until(look, "that nothing is pending")
        return found


@asynccontextmanager
async def house(folder: Path, found: Webhooks) -> AsyncIterator[House]:
    """A house over a SQLite file in the folder."""
    carriers = Carrier(), Carrier(public_only=True)
    async with SqliteDatabase(f"sqlite:///{migrated(folder / 'landfall.db')}", durable=False) as database:
        await database.write(partial(accounts.register, limits=LIMITS))
        try:
            yield House(database, found, carriers)
        finally:
            for carrier in carriers:
                await carrier.aclose()
