"""Rows 29 to 31: a SQLite file that is locked, has no room left, or is on a disk that cannot sync."""

import errno
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from landfall.transport.embedded import EmbeddedRedis
from tests.faults.client import PatientClient
from tests.faults.going_on import assert_all_goes_on, assert_nobody_ended
from tests.faults.moving import longest_rest, with_a_step
from tests.faults.promise import assert_kept
from tests.faults.row import Row
from tests.stack import until

LOCKED_SECONDS = 6
ROOM = "16m"  # a log of 4 MB is usual
BUILDS = {"sandbox": ("--build-mean", "2", "--build-sigma", "0.2")}


def file_of(row: Row) -> Path:
    return row.stack.home / "landfall.db"


def integrity(path: Path) -> str:
    with closing(sqlite3.connect(path, timeout=30)) as database:
        return str(database.execute("PRAGMA integrity_check").fetchone()[0])


@pytest.mark.faults(29, f"SQLite locked for {LOCKED_SECONDS} s", **BUILDS)
def test_while_somebody_holds_sqlite_nothing_is_promised_and_then_all_goes_on(row: Row) -> None:
    row.start_workers(2)
    row.submit(10)
    until(lambda: row.stack.sandbox.stats()["whole_downloads"], "the first file")
    met = with_a_step(row)
    with closing(sqlite3.connect(file_of(row), timeout=30, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        row.injected["lock"] += 1
        client = PatientClient(row.stack, count=4, first=100).start()
        over = time.monotonic() + LOCKED_SECONDS
        until(lambda: client.answers[503] and time.monotonic() >= over, "a refusal and the end of the lock")
        assert not client.accepted
        other.execute("ROLLBACK")
    assert_all_goes_on(row, client, met)


class SmallDisk:
    """A file system with little room of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Leave no room at all."""
        with self._filler.open("wb", buffering=0) as file:
            for size in (1 << 16, 1):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError as error:
                    assert error.errno == errno.ENOSPC  # noqa: PT017 - any other error is the test's own

    def make_room(self) -> None:
        self._filler.unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mounting, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("mount is missing")
    if mounted.returncode:
        pytest.skip(f"tmpfs cannot be mounted: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """A file on the small disk for the row that fills it, else that of the row's home."""
    if "small_disk" not in request.fixturenames:
        return ""
    disk: SmallDisk = request.getfixturevalue("small_disk")
    return f"sqlite:///{disk.folder}/landfall.db"


@pytest.mark.faults(30, "SQLite's disk full", **BUILDS)
def test_a_full_disk_stops_everything_and_breaks_nothing(row: Row, small_disk: SmallDisk) -> None:
    row.start_workers(2)
    row.submit(10)
    until(lambda: row.stack.sandbox.stats()["whole_downloads"], "the first file")
    met = with_a_step(row)
    small_disk.fill()
    row.injected["disk full"] += 1
    client = PatientClient(row.stack, count=12, first=100).start()
    until(lambda: client.answers[503] > 5, "refusals")
    until(lambda: "is full" in row.stack.log("worker"), "a worker that has no room")
    assert integrity(small_disk.folder / "landfall.db") == "ok"
    small_disk.make_room()
    since = time.time()
    row.moments = [since]
    client.finish(row)
    assert_kept(row)
    assert_nobody_ended(row)
    assert integrity(small_disk.folder / "landfall.db") == "ok"
    rest = longest_rest(row, met, since)
    row.note(each_moved_in=f"{rest:.1f} s", refused=client.answers[503], integrity="ok")


@pytest.fixture
def strace() -> str:
    found = shutil.which("strace") or pytest.skip("strace is missing")
    tried = subprocess.run([found, "-e", "trace=fsync", "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"strace cannot trace: {tried.stderr.strip()[-100:]}")
    return str(found)


@pytest.mark.faults(31, "fsync of SQLite's file fails with EIO")
def test_what_was_acknowledged_outlives_a_disk_that_cannot_sync(row: Row, strace: str, tmp_path: Path) -> None:
    (api,) = row.stack.processes
    row.submit(4)
    syncs = tmp_path / "syncs"
    calls = "fsync,fdatasync"
    tracer = subprocess.Popen(
        [
            strace,
            "-f",
            "-qq",
            "-o",
            str(syncs),
            "-e",
            f"trace={calls}",
            "-e",
            f"inject={calls}:error=EIO",
            "-p",
            str(api.pid),
        ]
    )
    client = PatientClient(row.stack, count=3, first=100).start()
    try:
        until(lambda: client.answers[503] >= 3, "refusals")
        row.injected["EIO"] = syncs.read_text(encoding="utf-8").count("EIO")
        row.kill(api)  # as such a disk ends a machine
    finally:
        tracer.terminate()
        tracer.wait()
    row.start_api()
    row.moments = [time.time()]
    client.finish(row)
    assert integrity(file_of(row)) == "ok"
    EmbeddedRedis(row.stack.home).ensure()
    row.start_workers(1)
    assert_kept(row, injected=4)
    row.note(integrity="ok", refused=client.answers[503])
