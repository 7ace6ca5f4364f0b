"""Row 67: a backup of the database that is restored while the store is newer. Row 66 is in test_releases."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.promise import assert_kept
from tests.faults.row import Row, store_of
from tests.stack import until
from tests.story.store_watch import artifacts, manifest, parts

BEFORE = 20
AFTER = 3


def copy(source: Path, target: Path) -> None:
    """Copy a database that may be in use, as `sqlite3 SOURCE '.backup TARGET'` does."""
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


def restore(backup: Path, database: Path) -> None:
    for ending in ("-wal", "-shm"):
        database.with_name(database.name + ending).unlink(missing_ok=True)
    copy(backup, database)


@pytest.mark.faults(67, "an older backup of the database restored", sandbox=["--build-mean", "0.8"])
def test_a_restored_backup_publishes_nothing_twice_and_finds_again_what_was_stored_since(row: Row) -> None:
    database, backup = row.stack.home / "landfall.db", row.stack.home / "backup.db"
    workers = row.start_workers(2)
    row.submit(BEFORE)
    until(lambda: states(row).count("stored") >= BEFORE // 4, "the middle of the run")
    copy(database, backup)
    known, then = list(row.accepted), states_in(backup)
    # Exports of which the backup will know nothing: their files are kept, for nobody but a person can tell what they are.
    unknown = row.submit(AFTER)
    row.until_over()
    stored_before = {path: manifest(path)["sha256"] for path in artifacts(store_of(row.stack.home))}
    starts = row.starts()
    row.stack.stop()
    for worker in workers:
        assert row.end_of(worker) == 0
    restore(backup, database)
    assert states_in(database) == then
    row.accepted = known
    row.start_api()
    row.inject("older backup")
    row.start_workers(2)
    assert_kept(row)
    # Not a file more, none less, none changed.
    assert {path: manifest(path)["sha256"] for path in artifacts(store_of(row.stack.home))} == stored_before
    assert parts(store_of(row.stack.home)) == []
    assert [row.stack.get(f"/v1/exports/{id_}").status_code for id_ in unknown] == [404] * AFTER
    in_flight = {state: count for state, count in then.items() if state not in {"stored", "queued"}}
    assert in_flight
    row.note(in_the_backup=_in_words(then), starts_again=row.starts() - starts, files=len(stored_before))


def states(row: Row) -> list[str]:
    items = row.stack.get("/v1/exports", params={"limit": 200}).json()["items"]
    return [item["state"] for item in items]


def states_in(database: Path) -> dict[str, int]:
    with closing(sqlite3.connect(database)) as connection:
        return dict(connection.execute("SELECT state, count(*) FROM exports GROUP BY state").fetchall())


def _in_words(counts: dict[str, int]) -> str:
    return " ".join(f"{count} {state}" for state, count in sorted(counts.items()))
