"""Promises that an account whose breaker is open waits for no probe that will never be made."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import asyncpg
import pytest
from sqlalchemy import Connection

from landfall.database import accounts, admission, ledger, orphans
from landfall.database.clock import read_clock
from landfall.database.postgres import PostgresDatabase
from landfall.database.steering import write_cancel
from landfall.exports.errors import StorageFull
from landfall.exports.job import ExportJob, Fault
from landfall.exports.outcomes import Waiting, outcome_of
from landfall.exports.policy import Policy
from landfall.exports.states import State
from landfall.exports.throttle import Throttle
from tests.asynchronous import run
from tests.database.databases import LIMITS
from tests.exports.jobs import make_job
from worker.queue import Message
from worker.reasons import SUSPECT_WAITS
from worker.settlement import write_hand_back, write_outcome, write_rescue
from worker.taking import Taken, take

SHOP = "shop-bwp"
LEASE = timedelta(seconds=15)
POLICY = Policy()
FAULT = Fault("vendor_unavailable", "the vendor is down", "Wait.")
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def open_breaker(connection: Connection) -> None:
    """Have the breaker be open, and its time be over: the next call is the probe."""
    now = read_clock(connection)
    limits = LIMITS[SHOP].max_started
    throttle = Throttle(limits, limits, failures=5, open_until=now - timedelta(seconds=1), reason=FAULT)
    accounts.write(connection, SHOP, throttle)


def accept(connection: Connection, name: str, state: State, **changes: object) -> ExportJob:
    due_at = None if state is State.QUEUED else read_clock(connection) - timedelta(seconds=1)
    job = make_job(id=name, request_hash=name, state=state, due_at=due_at, **changes)
    ledger.accept(connection, [job])
    return found(connection, name)


def found(connection: Connection, name: str) -> ExportJob:
    job = ledger.find(connection, name)
    assert job
    return job


def message_for(job: ExportJob) -> Message:
    assert job.step
    return Message(job.step, job.account, job.id, job.version)


def taken(connection: Connection, job: ExportJob) -> Taken:
    step = take(connection, message_for(job), LEASE)
    assert step
    return step


def closed(connection: Connection) -> bool:
    throttle, now = accounts.lock(connection, SHOP)
    assert throttle.reason
    return throttle.closed_until(now) is not None


def test_where_the_export_that_was_admitted_as_the_probe_is_cancelled_the_next_one_is_the_probe(
    connection: Connection,
) -> None:
    open_breaker(connection)
    for name in ("exp_1", "exp_2"):
        accept(connection, name, State.QUEUED)
    (probe,) = admission.admit_next(connection, SHOP)
    assert closed(connection)
    cancelled = write_cancel(connection, probe, POLICY)
    assert cancelled
    assert [job.id for job in cancelled.admitted] == ["exp_2"]
    assert closed(connection)
    throttle, _ = accounts.lock(connection, SHOP)
    assert throttle.probe == "exp_2"


def test_where_another_export_than_the_probe_is_cancelled_no_second_probe_is_made(connection: Connection) -> None:
    open_breaker(connection)
    probe, other = (accept(connection, name, State.EXPORTING, report_id=name) for name in ("exp_1", "exp_2"))
    assert taken(connection, probe).outcome is None
    assert write_cancel(connection, other, POLICY)
    assert closed(connection)


@pytest.mark.parametrize("state", [State.STARTING, State.EXPORTING, State.READY], ids=str)
def test_a_probe_that_is_cancelled_on_its_way_gives_the_account_back(connection: Connection, state: State) -> None:
    open_breaker(connection)
    job = accept(connection, "exp_1", state, report_id="r")
    probe = taken(connection, job).job
    assert closed(connection)
    assert write_cancel(connection, probe, POLICY)
    assert not closed(connection)
    late = Waiting(FAULT, 60.0, asked=False)
    assert write_outcome(connection, probe, late, POLICY, seconds=1.0) is None
    assert not closed(connection)


_ENDINGS: dict[str, Callable[[Connection, ExportJob], object]] = {
    "handed back": write_hand_back,
    "put off": partial(write_outcome, outcome=SUSPECT_WAITS, policy=POLICY, seconds=0.0),
    "no room": partial(write_outcome, outcome=outcome_of(StorageFull("the disk is full")), policy=POLICY, seconds=0.0),
}


@pytest.mark.parametrize("how", _ENDINGS)
def test_a_probe_that_ends_without_a_word_of_the_vendor_s_gives_the_account_back(
    connection: Connection, how: str
) -> None:
    open_breaker(connection)
    probe = taken(connection, accept(connection, "exp_1", State.READY, report_id="r")).job
    assert closed(connection)
    assert _ENDINGS[how](connection, probe)
    assert not closed(connection)


def test_a_probe_whose_worker_is_silent_gives_the_account_back_with_its_step(connection: Connection) -> None:
    open_breaker(connection)
    job = accept(connection, "exp_1", State.READY, report_id="r")
    gone = take(connection, message_for(job), -LEASE)
    assert gone
    assert write_rescue(connection, gone.job, POLICY, LEASE)
    assert not closed(connection)


def test_a_start_that_adopts_a_report_says_nothing_of_the_vendor(connection: Connection) -> None:
    open_breaker(connection)
    accept(connection, "exp_1", State.QUEUED)
    (probe,) = admission.admit_next(connection, SHOP)
    now = read_clock(connection)
    orphans.record(connection, probe, "r", now=now, hold=LEASE)
    lowered = replace(accounts.lock(connection, SHOP)[0], limit=2.0)
    accounts.write(connection, SHOP, lowered)
    start = taken(connection, probe)
    assert start.outcome
    settlement = write_outcome(connection, start.job, start.outcome, POLICY, seconds=0.0)
    assert settlement
    assert settlement.job.state is State.EXPORTING
    throttle, _ = accounts.lock(connection, SHOP)
    assert (throttle.reason, throttle.limit, throttle.probing) == (FAULT, 2.0, False)


def test_where_a_probe_never_came_back_one_export_is_the_next(connection: Connection) -> None:
    open_breaker(connection)
    first, second, third = (
        accept(connection, name, State.EXPORTING, report_id=name) for name in ("exp_1", "exp_2", "exp_3")
    )
    assert taken(connection, first).outcome is None
    throttle, now = accounts.lock(connection, SHOP)
    accounts.write(connection, SHOP, replace(throttle, open_until=now - timedelta(seconds=1)))
    assert taken(connection, second).outcome is None
    assert isinstance(taken(connection, third).outcome, Waiting)


@pytest.mark.parametrize("state", [State.STARTING, State.EXPORTING], ids=str)
def test_an_export_that_is_cancelled_before_it_can_be_claimed_is_no_probe(postgres_url: str, state: State) -> None:
    def begin(connection: Connection) -> ExportJob:
        accounts.register(connection, LIMITS)
        open_breaker(connection)
        return accept(connection, "exp_1", state, report_id="r")

    async def scenario() -> None:
        async with PostgresDatabase(postgres_url, pool_size=2) as database:
            job = await database.write(begin)
            other = await asyncpg.connect(postgres_url)
            async with other.transaction():
                await other.execute("SELECT * FROM accounts WHERE name = $1 FOR UPDATE", SHOP)
                taking = asyncio.create_task(database.write(partial(take, message=message_for(job), lease=LEASE)))
                while not await other.fetchval(_WAITING):  # noqa: ASYNC110 - another session's state makes no event
                    await asyncio.sleep(0.01)
                cancel = "UPDATE exports SET state = 'cancelled', version = version + 1, due_at = NULL WHERE id = $1"
                await other.execute(cancel, job.id)
            assert await taking is None
            assert not await database.write(closed)
            await other.close()

    run(scenario())
