"""Puts a worker together and keeps it running."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

from redis.exceptions import RedisError

from landfall.database import accounts as account_rows
from landfall.database.connection import DatabaseUnavailable
from landfall.database.opening import open_database
from landfall.database.revision import require_head, unreachable
from landfall.exports.policy import Policy
from landfall.log import get_logger
from landfall.net.carrier import Carrier
from landfall.settings import Settings
from landfall.storage.keys import check_template
from landfall.storage.parquet_writer import check_installed
from landfall.storage.store import open_store
from landfall.transport.shared_cache import RedisCache
from landfall.transport.wakeup import Bell
from landfall.vendors.account import Account
from landfall.vendors.cache import Cache
from landfall.vendors.catalog import limits_of, parse_accounts
from landfall.vendors.clients import connect as connect_vendor
from landfall.vendors.policies import policies_of
from landfall.vendors.shared import Shared
from landfall.webhooks import parse_webhooks
from worker import queue
from worker.archiving import Archiving
from worker.consumer import Consumer
from worker.duty import Duty
from worker.housekeeping import clear_forever, forget_answers_forever
from worker.leases import Leases
from worker.line import Line
from worker.metrics import Metrics
from worker.orphanage import Orphanage
from worker.reporting import Reporting
from worker.runner import Runner
from worker.shelf import Shelf
from worker.stopping import Stop
from worker.sweeper import Sweeper
from worker.tallying import Tallying
from worker.transfer.fetch import Transfer
from worker.webhooks.announcing import Herald
from worker.webhooks.receivers import Receivers
from worker.webhooks.sending import Sender
from worker.withdrawal import Withdrawal

_PATIENCE = (0.2, 0.5, 1.0, 2.0)
_HAND_OVER_SECONDS = 2.0
# Well below queue.SOCKET_SECONDS: an answer that takes longer counts as lost.
_LONGEST_WAIT_SECONDS = 2.0
_TOKEN_RESTS = 5  # bases of a step's retries
_log = get_logger(__name__)


async def serve(settings: Settings, redis_url: str, stop: Stop, revive: Callable[[], object]) -> None:
    """Work until asked to stop, then drain. Raises SettingsError before anything starts if something is amiss.

    `revive` is called, in a thread, whenever Redis is away: it may start one that died.
    """
    accounts, webhooks = _checked_accounts(settings), parse_webhooks(settings)
    store = open_store(settings.storage_url)
    shelf = Shelf(store, settings.key_template, settings.storage_reserve_bytes, settings.home / "tmp")
    policies = policies_of(settings, accounts)
    carriers = Carrier(), Carrier(public_only=True)
    async with open_database(settings, for_steps=True) as database:
        await require_head(database)
        try:
            await database.write(lambda connection: account_rows.register(connection, limits_of(accounts)))
        except DatabaseUnavailable as error:
            raise unreachable(error) from None
        lease = timedelta(seconds=settings.lease_seconds)
        redis = queue.connect(redis_url)
        shared = Shared(carriers[0], Cache(RedisCache(redis)), token_rest=_TOKEN_RESTS * settings.retry_base_seconds)
        lines = {
            name: _line(name, account, policies[name], carriers, shared, shelf=shelf)
            for name, account in accounts.items()
        }
        steps = queue.StepQueue(redis)
        leases = Leases(database, lease)
        runner = Runner(database, steps, leases, lines, Metrics({account.vendor for account in accounts.values()}))
        duty = Duty(database, settings.sweep_seconds)
        sender = Sender(
            database,
            Receivers(webhooks, *carriers),
            seconds=settings.webhook_timeout_seconds,
            lease=lease,
            count=runner.metrics.webhook_answered,
        )
        herald = Herald(database, webhooks, sender.wake)
        sweeper = Sweeper(database, steps, leases, policies, duty, metrics=runner.metrics, announce=herald.announce)
        reporting = Reporting(database, duty, leases, runner.metrics)
        orphanage = Orphanage(database, lines, runner.send_admitted, duty)
        withdrawal = Withdrawal(database, {name: line.shelf for name, line in lines.items()}, duty.is_ours)
        consumer = Consumer(steps, redis, runner.run, max_jobs=settings.max_jobs)
        bell = Bell(redis)
        patiently = partial(_patiently, redis, revive)
        looking_after = {
            asyncio.create_task(patiently("sweep", lambda: _sweep_forever(sweeper, bell, settings.sweep_seconds))),
            asyncio.create_task(patiently("poll orphans", orphanage.poll_forever)),
            asyncio.create_task(clear_forever(store, shelf.workspace)),
            asyncio.create_task(patiently("withdraw files", withdrawal.withdraw_forever)),
            asyncio.create_task(patiently("forget answers", lambda: forget_answers_forever(database, duty.is_ours))),
            asyncio.create_task(patiently("send webhooks", sender.send_forever)),
            asyncio.create_task(patiently("forget silent workers", reporting.forget_forever)),
            asyncio.create_task(patiently("count events", Tallying(database, duty).tally_forever)),
        }
        if settings.history_days is not None:
            judged = {name for name, account in accounts.items() if account.keeps_some_files}
            archiving = Archiving(database, duty, timedelta(days=settings.history_days), judged)
            looking_after.add(asyncio.create_task(patiently("archive", archiving.archive_forever)))
        running = {
            asyncio.create_task(patiently("consume", consumer.main)),
            asyncio.create_task(leases.renew_forever()),
            asyncio.create_task(reporting.report_forever()),
        }
        _log.info("worker ready", accounts=sorted(accounts), max_jobs=settings.max_jobs)
        try:
            await _until_stopped(stop, looking_after | running)
            _log.info("worker drains", seconds=settings.grace_seconds)
            consumer.take_no_more()
            await _end(looking_after)
            await _briefly(duty.let_go)
            await _drain(consumer, sender, settings.grace_seconds, stop.again)
        finally:
            await _end(looking_after | running)
            await _briefly(reporting.leave)
            for carrier in carriers:
                await carrier.aclose()
            await redis.aclose()
    _log.info("worker stopped")


def _checked_accounts(settings: Settings) -> dict[str, Account]:
    accounts = parse_accounts(settings.accounts)
    check_template(settings.key_template)
    for name, account in accounts.items():
        if account.parquet:
            check_installed(f"accounts.{name}.parquet")
    return accounts


async def _until_stopped(stop: Stop, tasks: set[asyncio.Task[None]]) -> None:
    """Wait to be asked; a task that ends by itself has met a mistake of ours, which ends the worker."""
    stopping = asyncio.create_task(stop.asked.wait())
    done, _ = await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    for task in done - {stopping}:
        task.result()


async def _end(tasks: set[asyncio.Task[None]]) -> None:
    """Cancel until they have ended: a library may swallow one cancellation."""
    pending = tasks
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=1.0)


async def _drain(consumer: Consumer, sender: Sender, seconds: float, again: asyncio.Event) -> None:
    """Let what runs and what is being sent come to its end, side by side."""
    sending = asyncio.create_task(sender.drain(seconds, again))
    with contextlib.suppress(RedisError, OSError):
        await consumer.drain(seconds, again)
    await sending


async def _briefly(parting: Callable[[], Awaitable[None]]) -> None:
    """Let the other workers know at once; where the database is away they find out a little later."""
    with contextlib.suppress(DatabaseUnavailable, TimeoutError):
        async with asyncio.timeout(_HAND_OVER_SECONDS):
            await parting()


async def _sweep_forever(sweeper: Sweeper, bell: Bell, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await sweeper.round()
        end = loop.time() + seconds
        # Redis takes a wait of less than a millisecond for one without end.
        while (left := end - loop.time()) > 0:
            if await bell.wait(min(max(left, 0.005), _LONGEST_WAIT_SECONDS)):
                await sweeper.sweep(all_overdue=False)


async def _patiently(
    redis: queue.Redis, revive: Callable[[], object], what: str, work: Callable[[], Awaitable[None]]
) -> None:
    """Run `work` for ever, again after whatever Redis or the database do to it."""
    failures = 0
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        try:
            await work()
        except (RedisError, OSError, DatabaseUnavailable) as error:
            failures = 0 if loop.time() - began > _PATIENCE[-1] * 5 else failures + 1
            pause = _PATIENCE[min(failures, len(_PATIENCE) - 1)]
            _log.warning("trying again", task=what, error=type(error).__name__, seconds=pause)
            if not isinstance(error, DatabaseUnavailable):
                # Where one connection fell silent so did the idle ones, and each would be waited for in its turn.
                await redis.connection_pool.disconnect(inuse_connections=False)
            await asyncio.sleep(pause)
            if not isinstance(error, DatabaseUnavailable):
                await asyncio.to_thread(revive)


def _line(
    name: str, account: Account, policy: Policy, carriers: tuple[Carrier, Carrier], shared: Shared, *, shelf: Shelf
) -> Line:
    return Line(
        connect_vendor(name, account, shared),
        Transfer(account, *carriers),
        policy,
        replace(shelf, at_rest=account.at_rest, parquet=account.parquet),
    )
