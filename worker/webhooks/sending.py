"""Sends what is due in the outbox, a few at once to each receiver, and again until it is taken or a day is over."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus

import stamina
from sqlalchemy import Connection

from landfall import failpoints
from landfall.database import deliveries
from landfall.database.connection import Database, DatabaseUnavailable
from landfall.database.deliveries import Delivery, DeliveryState, Due
from landfall.exports.redelivery import DELAYS, wait_after
from landfall.log import get_logger
from landfall.webhooks import CALLBACK
from worker.uninterrupted import uninterrupted
from worker.webhooks.posting import Answer, post
from worker.webhooks.receivers import Receivers, lane

_AT_ONCE = 32
_LOOKED_AT = 64
_TO_ONE_AT_ONCE = 4
_LOOK_SECONDS = 1.0
# What cannot be written meanwhile is sent once more: its lease is over.
_OUR_MISTAKE = "Landfall made a mistake; the worker's log tells more"
_until_written = stamina.AsyncRetryingCaller(attempts=None, timeout=20.0, wait_max=2.0).on(DatabaseUnavailable)
_log = get_logger(__name__)


class Sender:
    """Any number of workers may send: a lease in the row keeps what one of them sends from the others.

    A worker that is killed between sending and writing leaves the lease to run out, and the delivery is sent again
    under the same id.
    """

    def __init__(
        self,
        database: Database,
        receivers: Receivers,
        *,
        seconds: float,
        lease: timedelta,
        count: Callable[[str], None],
        delays: Sequence[float] = DELAYS,
    ) -> None:
        """Give each receiver `seconds` to answer, and this worker the lease's length beyond that to write it down.

        `count` is told of each try: "delivered", "retried" or "failed".
        """
        self._database = database
        self._receivers = receivers
        self._seconds = seconds
        self._lease = timedelta(seconds=seconds) + lease
        self._count = count
        self._delays = delays
        self._running: set[asyncio.Task[None]] = set()
        self._busy: Counter[str] = Counter()
        self._crowded: frozenset[str] = frozenset()
        self._all_taken = False
        self._news = False
        self._bell = asyncio.Event()

    def wake(self) -> None:
        """Say that something new is due."""
        self._news = True
        self._bell.set()

    async def send_forever(self) -> None:
        """Send what is due, again and again. Raises DatabaseUnavailable."""
        loop = asyncio.get_running_loop()
        looks_at = loop.time()
        while True:
            self._bell.clear()
            if self._news or loop.time() >= looks_at:
                self._news = False
                await self.send_due()
                looks_at = loop.time() + _LOOK_SECONDS
            else:
                await self._fill_up()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, looks_at - loop.time())):
                    await self._bell.wait()

    async def send_due(self) -> None:
        """Begin to send what is due, as far as there are places. Raises DatabaseUnavailable."""
        names, callbacks = self._receivers.names, self._receivers.takes_callbacks
        if not (names or callbacks) or not await self._database.glance(deliveries.any_due):
            return
        found, crowded = True, set[str]()
        while found:
            full = self._full()
            found, waiting = await self._send_some(deliveries.Receivers(names - full, callbacks, full - names))
            crowded |= full | waiting
        self._note_crowded(crowded)

    async def _fill_up(self) -> None:
        """Send more to those who had more waiting than places: at the head of a long backlog that is quickly found."""
        full, names = self._full(), self._receivers.names
        freed = self._crowded - full
        if freed:
            open_ = deliveries.Receivers(freed & names, bool(freed - names), full - names)
            _, waiting = await self._send_some(open_)
            self._note_crowded((self._crowded - freed) | waiting)

    async def _send_some(self, receivers: deliveries.Receivers) -> tuple[bool, set[str]]:
        """Begin to send what is found for them and has a place; returns whether any was ours, and who has more waiting."""
        due = await self._database.read(partial(deliveries.look, receivers=receivers, limit=_LOOKED_AT))
        chosen, waiting = self._chosen(due)
        if not chosen:
            return False, waiting
        claiming = partial(deliveries.claim, ids=chosen, lease=self._lease)
        (claimed, now), cancelled = await uninterrupted(self._database.write(claiming))
        for delivery in claimed:
            self._begin(delivery, now)
        if cancelled:
            raise asyncio.CancelledError
        # None was ours where others are just taking them: to look again at once would only find the same.
        return bool(claimed), waiting if claimed else set()

    async def drain(self, seconds: float, hurry: asyncio.Event) -> None:
        """Let what is being sent come to its end for so long, or until there is a hurry; the rest is handed back."""
        if not self._running:
            return
        hurried = asyncio.create_task(hurry.wait())
        ended = asyncio.create_task(_all_of(set(self._running)))
        await asyncio.wait({hurried, ended}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        for task in self._running:
            task.cancel()
        await ended

    def _full(self) -> frozenset[str]:
        return frozenset(name for name, running in self._busy.items() if running >= _TO_ONE_AT_ONCE)

    def _note_crowded(self, names: Iterable[str]) -> None:
        """Keep who has more waiting than places; where one came free meanwhile nobody else would say so."""
        self._crowded = frozenset(names)
        self._all_taken = len(self._running) >= _AT_ONCE
        if not self._all_taken and self._crowded - self._full():
            self._bell.set()

    def _chosen(self, due: Sequence[Due]) -> tuple[list[str], set[str]]:
        """Those that there is a place for, here and at their receiver; and who has more waiting."""
        busy = self._busy.copy()
        chosen: list[str] = []
        waiting: set[str] = set()
        for each in due:
            name = lane(each)
            if busy[name] < _TO_ONE_AT_ONCE and busy.total() < _AT_ONCE:
                busy[name] += 1
                chosen.append(each.id)
            else:
                waiting.add(name)
        return chosen, waiting

    def _begin(self, delivery: Delivery, now: datetime) -> None:
        name = lane(delivery)
        self._busy[name] += 1
        task = asyncio.create_task(self._send(delivery, now))
        self._running.add(task)
        task.add_done_callback(partial(self._ended, name))

    def _ended(self, name: str, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._busy[name] -= 1
        if not self._busy[name]:
            del self._busy[name]
        if self._all_taken:
            self.wake()
        elif name in self._crowded:
            self._bell.set()
        if not task.cancelled() and (error := task.exception()):
            _log.error("what came of a webhook could not be written in a way nobody thought of", exc_info=error)

    async def _send(self, delivery: Delivery, now: datetime) -> None:
        try:
            receiver = self._receivers.of(delivery)
            answer = await post(receiver, delivery, at=now, seconds=self._seconds)
        except asyncio.CancelledError:
            await uninterrupted(self._write_or_leave(partial(deliveries.hand_back, claimed=delivery)))
            raise
        except Exception:  # noqa: BLE001 - one that nobody thought of counts as a try, lest it be made for ever
            _log.exception("a webhook could not be sent in a way nobody thought of", delivery=delivery.id)
            answer = Answer(error=_OUR_MISTAKE)
        failpoints.reach("webhook.answered", delivery.webhook or CALLBACK)
        await uninterrupted(self._settle(delivery, answer))

    async def _settle(self, delivery: Delivery, answer: Answer) -> None:
        """Write what came of it: taken, never to be taken, or to be sent again."""
        attempts = delivery.attempts + 1
        outcome, wait = DeliveryState.FAILED if answer.error else DeliveryState.DELIVERED, 0.0
        if answer.error and answer.status != HTTPStatus.GONE:
            draw = random.random()  # noqa: S311 - jitter, no secret
            again = wait_after(attempts, draw=draw, asked=answer.wait, delays=self._delays)
            if again is not None:
                outcome, wait = DeliveryState.PENDING, again
        self._count("retried" if outcome is DeliveryState.PENDING else outcome.value)
        written = await self._write_or_leave(
            partial(
                deliveries.settle,
                claimed=delivery,
                outcome=outcome,
                wait=wait,
                status=answer.status,
                error=answer.error,
            )
        )
        _log.log(
            logging.INFO if answer.error is None else logging.WARNING,
            "webhook",
            webhook=delivery.webhook or CALLBACK,
            delivery=delivery.id,
            type=delivery.type,
            subject=delivery.subject,
            attempt=attempts,
            state=outcome if written else "fenced",
            status=answer.status,
            error=answer.error,
            **({"again_in": round(wait, 1)} if wait else {}),
        )

    async def _write_or_leave(self, work: Callable[[Connection], bool]) -> bool:
        """False where the row has moved on, or the database stays away; the lease then runs out."""
        try:
            return await _until_written(self._database.write, work)
        except DatabaseUnavailable as error:
            _log.warning("a webhook's answer was not written; it is sent again", reason=str(error))
            return False


async def _all_of(tasks: set[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)
