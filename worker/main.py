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
from landfall.exports.policy import Policy, retry_policies
from landfall.exports.poll_policy import PollPolicy
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
from landfall.vendors.catalog import VENDORS, limits_of, parse_accounts
from landfall.vendors.clients import connect as connect_vendor
from landfall.vendors.shared import Shared
from worker import queue
from worker.archiving import Archiving
from worker.consumer import Consumer
from worker.duty import Duty
from worker.housekeeping import clear_forever
from worker.leases import Leases
from worker.orphanage import Orphanage
from worker.runner import Line, Runner
from worker.shelf import Shelf
from worker.stopping import Stop
from worker.sweeper import Sweeper
from worker.transfer.fetch import Transfer

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
    accounts = parse_accounts(settings.accounts)
    check_template(settings.key_template)
    for name, account in accounts.items():
        if account.parquet:
            check_installed(f"accounts.{name}.parquet")
    store = open_store(settings.storage_url)
    shelf = Shelf(store, settings.key_template, settings.storage_reserve_bytes, settings.home / "tmp")
    policy = _policy(settings)
    async with open_database(settings, durable=False) as database:
        await require_head(database)
        try:
            await database.write(lambda connection: account_rows.register(connection, limits_of(accounts)))
        except DatabaseUnavailable as error:
            raise unreachable(error) from None
        lease = timedelta(seconds=settings.lease_seconds)
        redis = queue.connect(redis_url)
        carriers = Carrier(), Carrier(public_only=True)
        shared = Shared(carriers[0], Cache(RedisCache(redis)), token_rest=_TOKEN_RESTS * settings.retry_base_seconds)
        lines = {
            name: _line(name, account, policy, carriers, shared, shelf=shelf) for name, account in accounts.items()
        }
        steps = queue.StepQueue(redis)
        leases = Leases(database, lease)
        runner = Runner(database, steps, leases, lines)
        duty = Duty(database, settings.sweep_seconds)
        sweeper = Sweeper(database, steps, leases, {name: line.policy for name, line in lines.items()}, duty)
        orphanage = Orphanage(database, lines, runner.send_admitted, duty)
        consumer = Consumer(steps, redis, runner.run, max_jobs=settings.max_jobs)
        bell = Bell(redis)
        patiently = partial(_patiently, redis, revive)
        looking_after = {
            asyncio.create_task(patiently("sweep", lambda: _sweep_forever(sweeper, bell, settings.sweep_seconds))),
            asyncio.create_task(patiently("poll orphans", orphanage.poll_forever)),
            asyncio.create_task(clear_forever(store, shelf.workspace)),
        }
        if settings.history_days is not None:
            judged = {name for name, account in accounts.items() if account.keeps_some_files}
            archiving = Archiving(database, duty, timedelta(days=settings.history_days), judged)
            looking_after.add(asyncio.create_task(patiently("archive", archiving.archive_forever)))
        running = {
            asyncio.create_task(patiently("consume", consumer.main)),
            asyncio.create_task(leases.renew_forever()),
        }
        _log.info("worker ready", accounts=sorted(accounts), max_jobs=settings.max_jobs)
        try:
            await _until_stopped(stop, looking_after | running)
            _log.info("worker drains", seconds=settings.grace_seconds)
            consumer.take_no_more()
            await _end(looking_after)
            await _hand_over(duty)
            with contextlib.suppress(RedisError, OSError):
                await consumer.drain(settings.grace_seconds, stop.again)
        finally:
            await _end(looking_after | running)
            for carrier in carriers:
                await carrier.aclose()
            await redis.aclose()
    _log.info("worker stopped")


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


async def _hand_over(duty: Duty) -> None:
    """Let another worker sweep at once; where the database is away it will a little later."""
    with contextlib.suppress(DatabaseUnavailable, TimeoutError):
        async with asyncio.timeout(_HAND_OVER_SECONDS):
            await duty.let_go()


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


def _policy(settings: Settings) -> Policy:
    return Policy(
        retries=retry_policies(settings.retry_base_seconds),
        poll=PollPolicy(floor=settings.poll_floor_seconds, cap=settings.poll_cap_seconds),
        deferral_base=settings.retry_base_seconds / 2,
        lost_start_seconds=settings.lost_start_seconds,
        max_crashes=settings.max_crashes,
    )


def _line(
    name: str, account: Account, policy: Policy, carriers: tuple[Carrier, Carrier], shared: Shared, *, shelf: Shelf
) -> Line:
    return Line(
        connect_vendor(name, account, shared),
        Transfer(account, *carriers),
        replace(policy, starts_repeat=VENDORS[account.vendor].starts_repeat),
        replace(shelf, at_rest=account.at_rest, parquet=account.parquet),
    )
