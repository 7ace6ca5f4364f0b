"""Promises of the files of cancelled exports: what nobody names is removed, what somebody wants stays."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from landfall.database import accounts, ledger, lives
from landfall.database import tables as t
from landfall.database.clock import read_clock
from landfall.database.connection import Database
from landfall.database.opening import open_database
from landfall.database.sqlite import SqliteDatabase
from landfall.database.steering import write_cancel, write_retry
from landfall.exports.job import Artifact, ExportJob
from landfall.exports.outcomes import Advanced
from landfall.exports.policy import Policy
from landfall.exports.states import State, Step
from landfall.settings import Settings
from landfall.storage.disk import DiskStore
from tests.asynchronous import run
from tests.database.databases import LIMITS, migrated
from tests.exports.jobs import make_job
from worker.duty import Duty
from worker.landing import Landing
from worker.queue import Message
from worker.settlement import write_outcome
from worker.shelf import Shelf
from worker.steps.download import make_way
from worker.taking import take
from worker.withdrawal import Withdrawal, withdraw

CONTENT = b"id,amount\n1,2\n"
JOB = make_job(state=State.READY, report_id="r")
LEASE = timedelta(seconds=30)


class WatchedStore(DiskStore):
    """Lets something else happen in between whenever a file is about to be removed."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.before_removal: Callable[[], None] = lambda: None

    def remove(self, uri: str) -> None:
        self.before_removal()
        super().remove(uri)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated database."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{migrated(tmp_path / 'landfall.db')}"


@asynccontextmanager
async def cancelled_after_publication(url: str, shelf: Shelf) -> AsyncIterator[Database]:
    """A database whose one export was cancelled when its worker had just published the file."""
    async with open_database(Settings(database_url=url), for_steps=True) as database:
        await database.write(lambda connection: accounts.register(connection, LIMITS))
        await database.write(lambda connection: ledger.accept(connection, [JOB]))
        await publish(shelf, JOB)
        await database.write(lambda connection: cancelled(connection, JOB, timedelta()))
        yield database


async def live_again(database: Database, shelf: Shelf) -> None:
    """Retry the export, and have a worker land its file."""
    await database.write(retried)
    job = await database.read(partial(ledger.find, export_id=JOB.id))
    assert job
    message = Message(Step.DOWNLOAD, job.account, job.id, job.version)
    taken = await database.write(partial(take, message=message, lease=LEASE))
    assert taken
    await make_way(taken.job, shelf)
    artifact = await publish(shelf, taken.job)
    stored = Advanced(to=State.STORED, artifact=artifact)
    assert await database.write(partial(write_outcome, job=taken.job, outcome=stored, policy=Policy(), seconds=1.0))


async def files_of(database: Database, shelf: Shelf) -> tuple[ExportJob, list[str]]:
    """The export, and the files in the store but for their manifests."""
    job = await database.read(partial(ledger.find, export_id=JOB.id))
    assert job
    return job, uris(shelf)


def uris(shelf: Shelf) -> list[str]:
    found = Path(shelf.store.url.removeprefix("file://")).rglob("*.csv")
    return [shelf.store.uri(f"{path.parent.name}/{path.name}") for path in found]


async def publish(shelf: Shelf, job: ExportJob) -> Artifact:
    landing = await Landing.open(shelf.store, shelf.key_of(job), job, reserve=0)
    await landing.begin(None, ())
    await landing.keep(CONTENT)
    artifact = await landing.publish(job)
    await landing.close()
    return artifact


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


def test_a_file_that_a_new_life_lands_while_the_old_one_s_is_removed_stays(tmp_path: Path, database_url: str) -> None:
    async def scenario() -> None:
        store = WatchedStore(tmp_path / "files")
        shelf = Shelf(store, "{account}/{export_id}.csv", 0, tmp_path)
        loop = asyncio.get_running_loop()
        async with cancelled_after_publication(database_url, shelf) as database:

            def meanwhile() -> None:
                store.before_removal = lambda: None
                asyncio.run_coroutine_threadsafe(live_again(database, shelf), loop).result()

            store.before_removal = meanwhile
            assert await withdraw(database, JOB, shelf)
            job, files = await files_of(database, shelf)
        assert job.state is State.STORED
        assert job.artifact
        assert files == [job.artifact.uri]

    run(scenario())


def test_a_file_whose_export_lives_again_before_anybody_removes_it_is_adopted(
    tmp_path: Path, database_url: str
) -> None:
    async def scenario() -> None:
        shelf = Shelf(DiskStore(tmp_path / "files"), "{account}/{export_id}.csv", 0, tmp_path)
        async with cancelled_after_publication(database_url, shelf) as database:
            await live_again(database, shelf)
            assert await withdraw(database, JOB, shelf)
            job, files = await files_of(database, shelf)
        assert job.artifact
        assert files == [job.artifact.uri] == [shelf.store.uri(shelf.key_of(JOB))]

    run(scenario())


def test_a_file_whose_name_was_given_up_by_a_worker_that_then_died_is_removed_by_the_next_life(
    tmp_path: Path, database_url: str
) -> None:
    async def scenario() -> None:
        shelf = Shelf(DiskStore(tmp_path / "files"), "{account}/{export_id}.csv", 0, tmp_path)
        async with cancelled_after_publication(database_url, shelf) as database:
            await database.write(partial(lives.give_up_name, job=JOB))
            await live_again(database, shelf)
            job, files = await files_of(database, shelf)
        assert job.artifact
        assert files == [job.artifact.uri] != [shelf.store.uri(shelf.key_of(JOB))]

    run(scenario())
