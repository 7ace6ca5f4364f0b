"""Fills the store: exports wait for room, lose no attempt and leave no part that takes room."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stack import Stack, until
from tests.story.store_watch import artifacts, parts, stored

MIB = 1 << 20
FILE_BYTES = 3 * MIB


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("there is no mount command")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted: {' '.join(mounted.stderr.split())}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def wait_until_full(stack: Stack, id_: str) -> dict[str, Any]:
    """The export once it waits for room between two looks, which cost no attempt."""

    def look() -> dict[str, Any] | None:
        export = stack.show(id_)
        waits = (export["error"] or {}).get("code") == "storage_full" and not export["attempts"]
        return export if waits else None

    return until(look, f"{id_} waits for room")


def check_lost_nothing(stack: Stack, id_: str) -> Path:
    """The only file of an export that waited for room, spent no attempt on that and is stored now."""
    export, artifact = stored(stack, id_)
    downloads = [event for event in stack.events(id_) if event["step"] == "download"]
    assert {event["kind"] for event in downloads[:-1]} == {"wait"}
    assert {event["error"]["code"] for event in downloads[:-1]} == {"storage_full"}
    assert [event["attempt"] for event in downloads] == [1] * len(downloads)
    (report,) = stack.sandbox.reports()
    assert (export["file"]["sha256"], export["file"]["rows"]) == (report["sha256"], report["rows"])
    assert stack.sandbox.stats()["starts"]["buy_with_prime"] == 1
    return artifact


def test_a_full_store_makes_the_export_wait_until_there_is_room(stack: Stack, small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(6 * MIB))
    store = small_disk / "files"
    stack.sandbox.fault("body_size", bytes=FILE_BYTES)
    id_ = stack.submit()
    stack.start("worker", LANDFALL_STORAGE_URL=store.as_uri(), LANDFALL_STORAGE_RESERVE_BYTES="0")
    waiting = wait_until_full(stack, id_)
    assert waiting["state"] == "ready"
    assert "LANDFALL_STORAGE_URL" in waiting["error"]["action"]
    until(lambda: not parts(store), "no part while the export waits")
    assert artifacts(store) == []
    ballast.unlink()
    artifact = check_lost_nothing(stack, id_)
    assert (artifacts(store), parts(store)) == ([artifact], [])
    stack.stop(but=1)


def test_a_store_below_its_reserve_is_not_written_to(stack: Stack) -> None:
    id_ = stack.submit()
    worker = stack.start("worker", LANDFALL_STORAGE_RESERVE_BYTES=str(1 << 60))
    waiting = wait_until_full(stack, id_)
    assert "less than the reserve" in waiting["error"]["message"]
    assert stack.sandbox.stats()["downloads"] == 0
    until(lambda: stack.files(id_) == [], "no part while the export waits")
    worker.terminate()
    worker.wait()
    stack.start("worker")
    assert check_lost_nothing(stack, id_).exists()
