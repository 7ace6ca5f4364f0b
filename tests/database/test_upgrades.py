"""Promises of the migrations to those who come from a released revision, or go back to one."""

from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, Table, inspect, select

from landfall.database import accounts, admission, ledger, news, orphans, reading, revision
from landfall.database.migrate import alembic_config, migrate
from landfall.database.opening import open_database
from landfall.exports.states import State
from landfall.settings import Settings
from tests.asynchronous import run
from tests.database import counted
from tests.database.released_rows import LATER, RELEASED, T0, Rows

T = TypeVar("T")


def on(url: str, work: Callable[[Connection], T]) -> T:
    """Run `work` in a transaction."""

    async def write() -> T:
        async with open_database(Settings(database_url=url)) as database:
            return await database.write(work)

    return run(write())


def table(connection: Connection, name: str) -> Table:
    """The table as it stands in the database, whatever this release declares."""
    return Table(name, MetaData(), autoload_with=connection, resolve_fks=False)


def insert_all(connection: Connection, rows: Rows) -> None:
    for name, each in rows.items():
        connection.execute(table(connection, name).insert(), each)


def read_all(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table that holds what users own."""
    names = sorted({name for rows in RELEASED.values() for name in rows} & set(inspect(connection).get_table_names()))
    return {
        name: sorted((dict(row) for row in connection.execute(select(table(connection, name))).mappings()), key=str)
        for name in names
    }


# From the release before always, from older ones with what is slow.
_NEWEST = max(RELEASED)


@pytest.fixture(params=[pytest.param(each, marks=[] if each == _NEWEST else [pytest.mark.slow]) for each in RELEASED])
def released(request: pytest.FixtureRequest, empty_url: str) -> tuple[str, str]:
    """A revision, and a database as it left it."""
    migrate(Settings(database_url=empty_url), request.param)
    on(empty_url, lambda connection: insert_all(connection, RELEASED[request.param]))
    return request.param, empty_url


def test_every_released_revision_has_rows_to_try() -> None:
    script = ScriptDirectory.from_config(alembic_config("sqlite://"))
    assert {each.revision for each in script.walk_revisions()} == {*RELEASED, revision.HEAD}


def test_exports_of_a_released_revision_are_there_after_the_upgrade(released: tuple[str, str]) -> None:
    was, url = released
    migrate(Settings(database_url=url))

    def check(connection: Connection) -> None:
        for row in RELEASED[was]["exports"]:
            job = ledger.find(connection, row["id"])
            assert job is not None
            assert (job.state, job.version, job.priority) == (State(row["state"]), 3, -1)
            assert (job.request, job.labels, job.created_at) == (row["request"], row["labels"], T0)
            assert (job.due_at, job.report_id, job.leased) == (row["due_at"], row["report_id"], row["leased"])
            assert job.tenant == row.get("tenant", "")
            assert [event.kind for event in reading.timeline(connection, job.id)] == ["accept", "moved"]
        stored, failed = ledger.find(connection, "exp_stored"), ledger.find(connection, "exp_failed")
        assert stored is not None
        assert stored.artifact is not None
        assert (stored.artifact.bytes, stored.artifact.columns) == (5_000_000_000, ("id", "größe"))
        assert failed is not None
        assert failed.error is not None
        assert failed.error.code == "report_lost"

    on(url, check)


def test_work_goes_on_after_the_upgrade(released: tuple[str, str]) -> None:
    was, url = released
    migrate(Settings(database_url=url))

    def check(connection: Connection) -> None:
        overdue, now = ledger.find_overdue(connection, 10)
        assert {job.id for job in overdue} == {"exp_starting", "exp_exporting", "exp_ready"}
        assert now > LATER
        named = [orphan.report_id for orphan in orphans.find_due(connection, 10)]
        assert named == (["USER_EVENTS:4"] if "orphans" in RELEASED[was] else [])
        assert accounts.slots_used(connection, "shop-bwp") == 2
        assert [job.id for job in admission.admit_next(connection, "shop-bwp")] == ["exp_queued"]

    on(url, check)


def test_a_downgrade_gives_back_what_the_revision_wrote_and_at_the_end_leaves_nothing(
    released: tuple[str, str],
) -> None:
    was, url = released
    before = on(url, read_all)
    migrate(Settings(database_url=url))
    command.downgrade(alembic_config(url), was)
    assert on(url, read_all) == before
    migrate(Settings(database_url=url))
    assert {name: len(rows) for name, rows in on(url, read_all).items() if name in before} == {
        name: len(rows) for name, rows in before.items()
    }
    command.downgrade(alembic_config(url), "base")
    assert on(url, lambda connection: inspect(connection).get_table_names()) == ["alembic_version"]


def test_the_ends_that_a_worker_of_0005_writes_after_the_upgrade_are_news_and_nothing_else_is(
    empty_url: str,
) -> None:
    url, was, rows = empty_url, "0005", RELEASED["0005"]
    migrate(Settings(database_url=url), was)
    on(url, lambda connection: insert_all(connection, rows))
    migrate(Settings(database_url=url))
    told = rows["events"][0]
    kinds = [("wait", "exporting"), ("no parquet copy", "stored"), ("download", "stored"), ("give up", "failed")]
    written = [told | {"export_id": f"exp_{state}", "kind": kind, "state": state} for kind, state in kinds]

    def check(connection: Connection) -> None:
        assert not news.any_untold(connection)
        insert_all(connection, {"events": written})
        assert news.any_untold(connection)
        assert counted.move(connection, ["exp_stored"]) == 0
        assert [each.job.id for each in news.take(connection, 1)] == ["exp_stored"]
        assert [each.job.id for each in news.take(connection, 9)] == ["exp_failed"]
        assert not news.any_untold(connection)
        assert counted.move(connection, ["exp_stored"]) == 1

    on(url, check)


def test_what_a_process_of_0007_accepts_after_the_upgrade_goes_on_in_nobodys_trace(empty_url: str) -> None:
    migrate(Settings(database_url=empty_url))

    def check(connection: Connection) -> None:
        insert_all(connection, {name: RELEASED["0007"][name] for name in ("accounts", "exports", "events")})
        assert {ledger.find(connection, row["id"]).traceparent for row in RELEASED["0007"]["exports"]} == {None}  # type: ignore[union-attr]  # it is there
        assert [job.id for job in admission.admit_next(connection, "shop-bwp")] == ["exp_queued"]

    on(empty_url, check)
