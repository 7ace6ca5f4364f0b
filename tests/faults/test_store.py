"""Rows 54, 55 and 56: a store that is full, broken, closed to writers or gone while files land in it."""

import resource
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.promise import assert_kept
from tests.faults.row import Row, store_of
from tests.stack import until
from tests.story.store_watch import part_bytes, parts

MIB = 1 << 20
LARGE = 3 * MIB
EXPORTS = 3
NO_RESERVE = {"LANDFALL_STORAGE_RESERVE_BYTES": "0"}


@pytest.fixture
def small_store(row: Row) -> Iterator[Path]:
    """The row's store on a file system of 8 MiB."""
    store = store_of(row.stack.home)
    store.mkdir()
    _run("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(store))
    try:
        yield store
    finally:
        subprocess.run(["umount", "--lazy", str(store)], check=True)


def _run(*command: str) -> None:
    """Run a program that the machine may lack or refuse."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]}")
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        pytest.skip(f"{command[0]} is refused: {' '.join(ended.stderr.split())}")


def codes(row: Row) -> set[str]:
    """What the exports' timelines tell of errors."""
    found = (event["error"] for id_ in row.accepted for event in row.stack.events(id_))
    return {error["code"] for error in found if error}


def until_all_wait(row: Row, code: str) -> None:
    """Each export has met the fault, and none has ended."""

    def look() -> bool:
        exports = [row.stack.show(id_) for id_ in row.accepted]
        return all((export["error"] or {}).get("code") == code for export in exports)

    until(look, f"every export at {code}")
    assert {row.stack.show(id_)["state"] for id_ in row.accepted} == {"ready"}


def until_waited_again(row: Row, times: int) -> None:
    """Each export has tried so often and may go on trying."""
    until(lambda: all(row.kinds(id_).count("wait") >= times for id_ in row.accepted), f"{times} waits of each export")


def attempts_of_downloads(row: Row) -> set[int]:
    events = (event for id_ in row.accepted for event in row.stack.events(id_))
    return {event["attempt"] for event in events if event["kind"] == "download"}


@pytest.mark.faults(54, "disk full in the middle of a file", settings=NO_RESERVE)
def test_exports_wait_for_room_on_a_full_disk_and_lose_no_attempt(row: Row, small_store: Path) -> None:
    row.stack.sandbox.fault("body_size", bytes=LARGE, count=2)
    ballast = small_store / "ballast"
    row.inject("ENOSPC")
    ballast.write_bytes(bytes(6 * MIB))
    row.start_workers(2)
    row.submit(2)
    until_all_wait(row, "storage_full")
    until_waited_again(row, 3)
    until(lambda: not parts(small_store), "no part while the exports wait")
    ballast.unlink()
    assert_kept(row)
    assert attempts_of_downloads(row) == {1}
    assert (codes(row), row.starts()) == ({"storage_full"}, 2)
    row.note(attempts="+0", waits=max(row.kinds(id_).count("wait") for id_ in row.accepted))


@contextmanager
def failing_syncs(row: Row, pid: int) -> Iterator[Callable[[], int]]:
    """Let each fsync of a process fail as on a broken disk; tells how many have. SQLite and the log sync otherwise."""
    _run("strace", "-qq", "-e", "trace=fsync", "-e", "inject=fsync:error=EIO", "true")
    told = row.marks.parent / "strace"
    command = ["strace", "-f", "-qq", "-o", str(told), "-e", "trace=fsync", "-e", "inject=fsync:error=EIO"]
    row.inject("EIO")
    tracer = subprocess.Popen([*command, "-p", str(pid)], stderr=subprocess.PIPE)
    try:
        yield lambda: told.read_text(encoding="utf-8").count("(INJECTED)") if told.exists() else 0
    finally:
        tracer.send_signal(signal.SIGINT)
        _, complaint = tracer.communicate(timeout=30)
        assert not complaint.strip(), complaint


@pytest.mark.faults(55, "fsync of the file fails (EIO)")
def test_a_file_that_could_not_be_synced_is_fetched_anew(row: Row) -> None:
    (worker,) = row.start_workers(1)
    with failing_syncs(row, worker.pid) as failed:
        row.submit(EXPORTS)
        until(lambda: failed() > EXPORTS, "files that were not synced")
        until_all_wait(row, "storage_unavailable")
    row.note(syncs_failed=failed())
    assert_kept(row)
    assert (codes(row), row.starts()) == ({"storage_unavailable"}, EXPORTS)
    assert min(report["downloads"] for report in row.stack.sandbox.reports()) > 1
    assert worker.poll() is None


@pytest.mark.faults(55, "no file can be opened (EMFILE)", sandbox=["--build-mean", "1", "--build-sigma", "0.01"])
def test_a_worker_that_may_open_no_file_goes_on_when_it_may_again(row: Row) -> None:
    (worker,) = row.start_workers(1)
    row.submit(EXPORTS)
    until(lambda: all(row.stack.show(id_)["state"] == "exporting" for id_ in row.accepted), "reports in the making")
    row.inject("EMFILE")
    # What is open stays open; nothing new is.
    before = resource.prlimit(
        worker.pid, resource.RLIMIT_NOFILE, (3, resource.prlimit(worker.pid, resource.RLIMIT_NOFILE)[1])
    )
    until(lambda: all(row.stack.show(id_)["error"] for id_ in row.accepted), "an attempt of each export that failed")
    resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, before)
    assert_kept(row)
    assert worker.poll() is None
    assert "internal_error" not in codes(row)
    assert row.starts() == EXPORTS
    row.note(errors=" ".join(sorted(codes(row))))


@pytest.mark.faults(56, "store read-only", settings=NO_RESERVE)
def test_exports_wait_while_the_store_is_read_only_and_lose_no_attempt(row: Row, small_store: Path) -> None:
    row.inject("read-only")
    _run("mount", "-o", "remount,ro", str(small_store))
    row.start_workers(2)
    row.submit(EXPORTS)
    until_all_wait(row, "storage_read_only")
    until_waited_again(row, 3)
    told = row.stack.show(row.accepted[0])["error"]
    assert "LANDFALL_STORAGE_URL" in told["action"]
    _run("mount", "-o", "remount,rw", str(small_store))
    assert_kept(row)
    assert attempts_of_downloads(row) == {1}
    assert (codes(row), row.starts()) == ({"storage_read_only"}, EXPORTS)
    row.note(attempts="+0", waits=max(row.kinds(id_).count("wait") for id_ in row.accepted))


@pytest.mark.faults(56, "store removed in the middle of a file")
def test_a_store_that_is_removed_while_a_file_lands_is_made_again(row: Row) -> None:
    row.stack.sandbox.fault("body_size", bytes=LARGE)
    store = store_of(row.stack.home)
    row.start_workers(2, "download.chunk=wait:go@2")
    row.submit()
    row.until_struck("download.chunk")
    until(lambda: part_bytes(store), "a part that has begun")
    row.inject("rm -r")
    shutil.rmtree(store)
    (row.marks / "go").touch()
    assert_kept(row, injected=2)
    assert (codes(row), row.starts()) == ({"storage_unavailable"}, 1)
    assert parts(store) == []
