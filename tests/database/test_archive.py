"""Promises of the archive: what moves, what stays, and that an archived export reads as before."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import pytest
from alembic import command
from alembic.util import CommandError
from sqlalchemy import Connection, func, insert, select, update

from landfall.database import accounts, archive, build_times, headers, ledger, news, orphans, reading
from landfall.database import tables as t
from landfall.database.archive import Place
from landfall.database.clock import read_clock
from landfall.database.connection import Database
from landfall.database.migrate import alembic_config
from landfall.database.opening import open_database
from landfall.database.rows import event_row
from landfall.exports.job import Artifact, ExportJob, Fault
from landfall.exports.outcomes import Advanced
from landfall.exports.policy import Policy
from landfall.exports.settling import Event
from landfall.exports.states import State, Step
from landfall.settings import Settings
from tests.asynchronous import run
from tests.database import counted
from tests.database.databases import LIMITS
from tests.exports.jobs import NOON, make_job
from worker.archiving import Archiving
from worker.duty import Duty
from worker.settlement import write_outcome

T = TypeVar("T")
SHOP = "shop-bwp"
DAY = timedelta(days=1)
PLACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
FAULT = Fault("report_lost", "it is gone", "Submit it again.")
FILE = Artifact("file:///x.csv", 2**40, 3, "0" * 64, ("id", "größe"), empty=False, header_hash="h", header_changed=True)


def stored(connection: Connection, name: str, **changes: Any) -> ExportJob:
    """An export that ended NOON, as the ledger reads it."""
    given: dict[str, Any] = {"state": State.STORED, "artifact": FILE, "finished_at": NOON, "started_at": NOON}
    ledger.accept(connection, [make_job(id=name, **(given | changes))])
    found = ledger.find(connection, name)
    assert found is not None
    return found


def old(connection: Connection, judged: frozenset[str] = frozenset()) -> list[str]:
    found = archive.find_old(connection, DAY, after=None, judged=judged, limit=100)
    assert found.last is None
    return list(found.ids)


def rows(connection: Connection, table: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def test_an_archived_export_reads_as_before_but_is_listed_no_more(connection: Connection) -> None:
    job = stored(
        connection, "exp_1", labels={"team": "ä"}, error=FAULT, polled_at=NOON, deadline_at=NOON, traceparent=PLACE
    )
    ledger.note(connection, job, Event("give up", Step.DOWNLOAD, 3, FAULT, "a note"), at=NOON + DAY)
    told = reading.timeline(connection, job.id)
    assert counted.move(connection, [job.id]) == 1
    assert archive.find(connection, job.id) == job
    assert archive.timeline(connection, job.id) == told
    assert len(told) == 2
    assert told[-1].error == FAULT
    assert ledger.find(connection, job.id) is None
    for wanted in (reading.Filter(), reading.Filter(account=SHOP), reading.Filter(labels=[("team", "ä")])):
        assert reading.page(connection, wanted, None, 10) == []
    assert [rows(connection, table) for table in (t.exports, t.events, t.labels)] == [0, 0, 0]


def test_what_was_never_archived_is_not_found(connection: Connection) -> None:
    assert archive.find(connection, "exp_1") is None
    assert archive.timeline(connection, "exp_1") == []


def test_only_what_ended_long_enough_ago_is_old(connection: Connection) -> None:
    now = read_clock(connection)
    stored(connection, "exp_old", finished_at=now - DAY - timedelta(minutes=1))
    stored(connection, "exp_older", finished_at=now - 3 * DAY, state=State.FAILED, artifact=None)
    stored(connection, "exp_young", finished_at=now - DAY + timedelta(minutes=1))
    stored(connection, "exp_live", state=State.EXPORTING, finished_at=None, artifact=None)
    assert old(connection) == ["exp_older", "exp_old"]
    assert counted.move(connection, ["exp_live", "exp_old"]) == 1
    assert ledger.find(connection, "exp_live") is not None


def test_a_kept_file_that_retention_has_to_judge_keeps_its_export(connection: Connection) -> None:
    stored(connection, "exp_kept")
    stored(connection, "exp_removed", artifact=FILE)
    stored(connection, "exp_failed", state=State.FAILED, artifact=None)
    stored(connection, "exp_of_another", account="shop-ab")
    removed = update(t.exports).where(t.exports.c.id == "exp_removed").values(file_removed_at=NOON)
    connection.execute(removed)
    assert set(old(connection, frozenset({SHOP}))) == {"exp_removed", "exp_failed", "exp_of_another"}


def test_the_look_goes_on_where_it_ended(connection: Connection) -> None:
    for number in range(5):
        stored(connection, f"exp_{number}", finished_at=NOON + timedelta(seconds=number // 2))
    seen: list[str] = []
    place: Place | None = None
    for _ in range(3):
        found = archive.find_old(connection, DAY, after=place, judged=(), limit=2)
        seen += found.ids
        place = found.last
    assert seen == [f"exp_{number}" for number in range(5)]
    assert place is None


def test_an_export_whose_report_may_hold_a_slot_stays(connection: Connection) -> None:
    now = read_clock(connection)
    named, unnamed, over, ended = [
        stored(connection, f"exp_{name}", state=State.CANCELLED, artifact=None)
        for name in ("named", "unnamed", "over", "ended")
    ]
    orphans.record(connection, named, "r1", now=now, hold=DAY)
    orphans.record(connection, unnamed, None, now=now, hold=DAY)
    orphans.record(connection, over, None, now=now - 2 * DAY, hold=DAY)
    orphans.record(connection, ended, "r2", now=now, hold=DAY)
    of_ended = [orphan for orphan in orphans.find_due(connection, 10) if orphan.export_id == ended.id]
    assert orphans.end(connection, of_ended[0], now=now, built=True)
    used = accounts.slots_used(connection, SHOP)
    assert counted.move(connection, old(connection)) == 2
    assert ledger.versions(connection, [job.id for job in (named, unnamed, over, ended)]).keys() == {
        named.id,
        unnamed.id,
    }
    assert accounts.slots_used(connection, SHOP) == used == 2


def test_an_export_whose_end_webhooks_have_yet_to_be_told_stays(connection: Connection) -> None:
    told, untold = stored(connection, "exp_told"), stored(connection, "exp_untold")
    connection.execute(insert(t.events).values(event_row(untold, Event("give up", None, 1), NOON, untold=True)))
    assert counted.move(connection, [told.id, untold.id]) == 1
    assert [each.job.id for each in news.take(connection, 10)] == [untold.id]
    assert counted.move(connection, [told.id, untold.id]) == 1


def test_a_start_that_is_answered_when_its_export_is_in_the_archive_changes_nothing(connection: Connection) -> None:
    job = stored(connection, "exp_1", state=State.CANCELLED, artifact=None)
    assert counted.move(connection, old(connection)) == 1
    asked = replace(job, state=State.STARTING, version=job.version - 1, finished_at=None)
    late = Advanced(to=State.EXPORTING, report_id="r-late")
    assert write_outcome(connection, asked, late, Policy(), seconds=100_000.0) is None
    assert rows(connection, t.orphans) == 0


def test_what_was_learned_from_archived_exports_is_still_known(connection: Connection) -> None:
    job = stored(connection, "exp_1")
    build_times.record(connection, job, 0.0, now=NOON + DAY)
    headers.keep(connection, job, FILE, now=NOON)
    counted.move(connection, [job.id])
    assert len(build_times.recent(connection, job.account, job.report_type)) == 1
    assert headers.last(connection, job) == ("h", ["id", "größe"])


def test_what_a_later_release_added_to_exports_has_its_default_in_the_archive(connection: Connection) -> None:
    job = stored(connection, "exp_1")
    counted.move(connection, [job.id])
    columns = connection.execute(select(t.archived_exports.c.export)).scalar_one()
    del columns["tenant"]
    connection.execute(update(t.archived_exports).values(export=columns))
    assert archive.find(connection, job.id) == job


def test_a_schema_with_archived_exports_is_not_taken_back(database_url: str) -> None:
    def work(connection: Connection) -> None:
        accounts.register(connection, LIMITS)
        stored(connection, "exp_1")
        counted.move(connection, ["exp_1"])

    on(database_url, lambda database: database.write(work))
    with pytest.raises(CommandError, match="archived_exports"):
        command.downgrade(alembic_config(database_url), "0004")


def on(url: str, work: Callable[[Database], Any]) -> Any:
    async def scenario() -> Any:
        async with open_database(Settings(database_url=url), for_steps=True) as database:
            return await work(database)

    return run(scenario())


def test_one_round_archives_all_that_is_old_where_the_duty_is_ours(database_url: str) -> None:
    count = 47

    def fill(connection: Connection) -> None:
        accounts.register(connection, LIMITS)
        jobs = [make_job(id=f"exp_{n}", state=State.FAILED, finished_at=NOON) for n in range(count)]
        ledger.accept(connection, [*jobs, make_job(id="exp_live")])
        counted.take_for_counted(connection)

    async def scenario(database: Database) -> tuple[int, int, int]:
        await database.write(fill)
        ours, theirs = (Archiving(database, Duty(database, 3600.0), DAY, ()) for _ in range(2))
        moved = await ours.round(), await theirs.round()
        return *moved, await database.read(partial(rows, table=t.exports))

    assert on(database_url, scenario) == (count, 0, 1)
