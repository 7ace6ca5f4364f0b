"""Announces the ends of exports and batches: writes a delivery for each receiver that wants to know."""

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection

from landfall.database import batches, deliveries, news
from landfall.database.batches import Batch
from landfall.database.clock import read_clock
from landfall.database.connection import Database
from landfall.database.deliveries import Delivery, Receivers, new_id
from landfall.database.news import Ended
from landfall.exports.news import BATCH_FINISHED, OF_STATE, export_payload, moment, payload
from landfall.log import get_logger
from landfall.webhooks import Webhooks

# A transaction may run on the event loop's thread, and the rounds of a worker's other duties shall not wait for long.
_AT_ONCE = 50
_MOST_A_ROUND = 20
_DROPPED_AT_ONCE = 1000
_TIDY_SECONDS = 600.0
_TIDIED_AT_ONCE = 500
_KEPT = timedelta(days=30)
_FORGOTTEN = timedelta(days=1)
_NOBODY_SENDS = "no worker sent it within a day: its webhook, or callback_secret, is no longer in the settings"
_log = get_logger(__name__)


class Herald:
    """Looks for news in the worker whose duty it is; two that look at once, because one was held up, do no harm."""

    def __init__(self, database: Database, webhooks: Webhooks, wake: Callable[[], None]) -> None:
        """`wake` is called where there is something to be sent."""
        self._database = database
        self._webhooks = webhooks
        self._wake = wake
        self._tidies_at = -math.inf

    async def announce(self) -> None:
        """Announce what is new, as much of it as a round should take. Raises DatabaseUnavailable."""
        for _ in range(_MOST_A_ROUND):
            if not await self._announce_some():
                break
        await self.announce_batches()
        if time.monotonic() >= self._tidies_at:
            await self._tidy()
            self._tidies_at = time.monotonic() + _TIDY_SECONDS

    async def announce_batches(self) -> None:
        """Mark the batches that have ended as finished, and announce them. Raises DatabaseUnavailable."""
        for _ in range(_MOST_A_ROUND):
            if not await self._database.read(batches.any_to_finish):
                break
            if await self._database.write(self._tell_of_batches):
                self._wake()
            await asyncio.sleep(0)

    async def _announce_some(self) -> bool:
        """Announce a transaction's worth of news; False where there was none."""
        if not await self._database.glance(news.any_untold):
            return False
        if not self._webhooks.named and self._webhooks.callback_secret is None:
            return await self._database.write(partial(news.drop, limit=_DROPPED_AT_ONCE)) == _DROPPED_AT_ONCE
        if await self._database.write(self._tell_of_exports):
            self._wake()
        await asyncio.sleep(0)
        return True

    def _tell_of_exports(self, connection: Connection) -> int:
        ended = news.take(connection, _AT_ONCE)
        now = read_clock(connection)
        new = [delivery for each in ended for delivery in self._of_export(each, now)]
        deliveries.add(connection, new)
        return len(new)

    def _tell_of_batches(self, connection: Connection) -> int:
        finished = batches.finish(connection, _AT_ONCE)
        now = read_clock(connection)
        new: list[Delivery] = []
        for batch in finished:
            new += self._of_batch(batch, news.accounts_of_batch(connection, batch.id), now)
        deliveries.add(connection, new)
        return len(new)

    def _of_export(self, ended: Ended, now: datetime) -> Iterator[Delivery]:
        job, kind = ended.job, OF_STATE.get(ended.state)
        if kind is None:
            return
        names = self._who_wants(kind, frozenset({job.account}))
        called = job.callback_url if self._webhooks.callback_secret else None
        if not names and not called:
            return
        body = export_payload(job, ended.state, ended.fault, ended.at)
        for name in names:
            yield _new(kind, job.id, job.account, body, now, webhook=name)
        if called:
            yield _new(kind, job.id, job.account, body, now, url=called)

    def _of_batch(self, batch: Batch, accounts: frozenset[str], now: datetime) -> Iterator[Delivery]:
        account = next(iter(accounts)) if len(accounts) == 1 else None
        body = payload(BATCH_FINISHED, batch.finished_at or now, batch_as_json(batch))
        for name in self._who_wants(BATCH_FINISHED, accounts):
            yield _new(BATCH_FINISHED, batch.id, account, body, now, webhook=name)

    def _who_wants(self, kind: str, accounts: frozenset[str]) -> list[str]:
        return [name for name, hook in self._webhooks.named.items() if hook.wants(kind, accounts)]

    async def _tidy(self) -> None:
        """Remove what was finished long ago, and give up what no worker knows the receiver of."""
        removing = partial(deliveries.remove_old, age=_KEPT, limit=_TIDIED_AT_ONCE)
        # What waited for a day because no worker ran is sent all the same.
        known = Receivers(frozenset(self._webhooks.named), callbacks=self._webhooks.callback_secret is not None)
        forgetting = partial(
            deliveries.fail_forgotten, known=known, overdue=_FORGOTTEN, error=_NOBODY_SENDS, limit=_TIDIED_AT_ONCE
        )
        for what, work in (("old webhooks were removed", removing), ("webhooks were given up", forgetting)):
            count = some = await self._database.write(work)
            while some == _TIDIED_AT_ONCE:
                some = await self._database.write(work)
                count += some
            if count:
                _log.info(what, count=count)


def batch_as_json(batch: Batch) -> dict[str, Any]:
    """The batch as the API shows it."""
    return {
        "id": batch.id,
        "created_at": moment(batch.created_at),
        "finished_at": moment(batch.finished_at),
        "requested": batch.requested,
        "exports": {"total": batch.total, "by_state": {state.value: count for state, count in batch.by_state.items()}},
        "failures": [{"export": each.export_id, "code": each.code, "message": each.message} for each in batch.failures],
        "labels": dict(batch.labels),
        "progress": batch.progress,
    }


def _new(
    kind: str,
    subject: str,
    account: str | None,
    body: str,
    now: datetime,
    *,
    webhook: str | None = None,
    url: str | None = None,
) -> Delivery:
    return Delivery(
        id=new_id(),
        webhook=webhook,
        url=url,
        type=kind,
        subject=subject,
        account=account,
        payload=body,
        created_at=now,
        due_at=now,
    )
