"""Promises of a worker whose settings lack the account of a step, over a real database and a real Redis."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection

from landfall.database import accounts, admission, ledger
from landfall.database.clock import read_clock
from landfall.database.sqlite import SqliteDatabase
from landfall.exports.job import ExportJob
from landfall.exports.states import State
from landfall.exports.throttle import AccountLimits
from landfall.transport.embedded import EmbeddedRedis
from tests.asynchronous import run
from tests.database.databases import migrated
from tests.exports.jobs import make_job
from worker import queue
from worker.leases import Leases
from worker.queue import Message, StepQueue
from worker.runner import Runner

SHOP = "shop-bwp"


def _admitted(connection: Connection) -> ExportJob:
    accounts.register(connection, {SHOP: AccountLimits("buy_with_prime", 1)})
    ledger.accept(connection, [make_job(id="exp_1", created_at=read_clock(connection))])
    return admission.admit_next(connection, SHOP)[0]


def _found(connection: Connection) -> ExportJob | None:
    return ledger.find(connection, "exp_1")


def test_a_step_of_an_account_that_the_worker_lacks_waits_for_one_that_has_it_and_costs_no_attempt(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        redis = queue.connect(embedded.url)
        async with SqliteDatabase(f"sqlite:///{migrated(tmp_path / 'landfall.db')}", durable=False) as database:
            runner = Runner(database, StepQueue(redis), Leases(database, timedelta(seconds=60)), {})
            message = Message.of(await database.write(_admitted), 0.0)
            assert message
            await runner.run(message)
            job = await database.read(_found)
        await redis.aclose()
        assert job
        assert (job.state, job.attempts, job.leased) == (State.STARTING, 0, False)
        assert job.error
        assert job.error.code == "account_missing"
        assert SHOP in job.error.message

    embedded = EmbeddedRedis(tmp_path)
    embedded.ensure()
    try:
        run(scenario())
    finally:
        embedded.stop()
