"""Promises of the files of cancelled exports: what nobody names is removed, what somebody wants stays."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from landfall.database import accounts, ledger
from landfall.database import tables as t
from landfall.database.clock import read_clock
from landfall.database.sqlite import SqliteDatabase
from landfall.database.steering import write_cancel, write_retry
from landfall.exports.job import ExportJob
from landfall.exports.policy import Policy
from landfall.exports.states import State
from landfall.storage.disk import DiskStore
from tests.asynchronous import run
from tests.database.databases import LIMITS, migrated
from tests.exports.jobs import make_job
from worker.duty import Duty
from worker.landing import Landing
from worker.shelf import Shelf
from worker.withdrawal import Withdrawal

CONTENT = b"id,amount\n1,2\n"


async def publish(shelf: Shelf, job: ExportJob) -> None:
    landing = await Landing.open(shelf.store, shelf.key_of(job), job, reserve=0)
    await landing.begin(None, ())
    await landing.keep(CONTENT)
    await landing.publish(job)
    await landing.close()


def cancelled(connection: Connection, job: ExportJob, ago: timedelta) -> None:
    """Cancel the export, so long ago."""
    assert write_cancel(connection, job, Policy())
    then = read_clock(connection) - ago
    connection.execute(update(t.exports).where(t.exports.c.id == job.id).values(finished_at=then))
    connection.execute(
        update(t.events).where(t.events.c.export_id == job.id, t.events.c.kind == "cancel").values(at=then)
    )


def retried(connection: Connection) -> None:
    job = ledger.find(connection, "exp_1")
    assert job
    assert write_retry(connection, job)


@pytest.mark.parametrize(("minutes", "alive", "left"), [(5, False, 0), (0, False, 2), (90, False, 2), (5, True, 2)])
def test_the_file_of_a_download_that_was_cancelled_before_its_worker_could_tell_is_removed(
    tmp_path: Path,
    minutes: int,
    alive: bool,  # noqa: FBT001 - a parameter of the test
    left: int,
) -> None:
    """Not at once, when a worker may still see to it; not later than within the hour; not where it lives again."""
    shelf = Shelf(DiskStore(tmp_path / "files"), "{account}/{export_id}.csv", 0, tmp_path)
    job = make_job(state=State.READY, report_id="r")

    async def scenario() -> None:
        async with SqliteDatabase(f"sqlite:///{migrated(tmp_path / 'landfall.db')}", durable=False) as database:
            await database.write(lambda connection: accounts.register(connection, LIMITS))
            await database.write(lambda connection: ledger.accept(connection, [job]))
            await publish(shelf, job)
            await database.write(lambda connection: cancelled(connection, job, timedelta(minutes=minutes)))
            if alive:
                await database.write(retried)
            withdrawal = Withdrawal(database, {job.account: shelf}, Duty(database, 3600.0).is_ours)
            await withdrawal.round()
            await withdrawal.round()

    run(scenario())
    assert len([path for path in (tmp_path / "files").rglob("*exp_1*") if path.is_file()]) == left
