"""Kills the worker in the middle of long downloads: they go on where they were, and nothing half is ever seen."""

import hashlib
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.stack import Stack, until
from tests.story.store_watch import artifacts_of, first_sizes, manifest, part_bytes, parts, stored

pytestmark = pytest.mark.slow

MIB = 1 << 20
SHORT, LONG = 40_000_000, 200_000_000
UNSUSPECTED = {"LANDFALL_MAX_CRASHES": "50"}  # more than are killed here


def submit_large(stack: Stack, size: int) -> str:
    stack.sandbox.fault("body_size", bytes=size)
    return stack.submit()


def kill_at(worker: subprocess.Popen[bytes], stack: Stack, id_: str, least: int) -> None:
    """SIGKILL the worker as soon as the part holds so many bytes, or it is too late for that."""
    store = stack.home / "files"
    until(lambda: part_bytes(store) >= least or stack.show(id_)["state"] == "stored", f"{least} bytes in the part")
    worker.kill()
    worker.wait()


def check_stored(stack: Stack, id_: str, sizes: dict[Path, int]) -> dict[str, Any]:
    """The witness's report of an export that is stored as the sandbox served it, and of which nothing else is left."""
    export, artifact = stored(stack, id_)
    (report,) = stack.sandbox.reports()
    with artifact.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    assert export["file"]["sha256"] == digest == report["sha256"] == manifest(artifact)["sha256"]
    assert export["file"]["rows"] == report["rows"] == manifest(artifact)["rows"]
    assert export["file"]["bytes"] == report["bytes"]
    assert parts(stack.home / "files") == []
    assert {path: size for path, size in sizes.items() if id_ in path.name} == {artifact: report["bytes"]}
    assert stack.sandbox.stats()["starts"]["buy_with_prime"] == 1
    assert export["generation"] == 1
    return report


def test_a_download_whose_worker_is_killed_three_times_goes_on_where_it_was(stack: Stack) -> None:
    store = stack.home / "files"
    with first_sizes(store) as sizes:
        for _ in range(3):
            stack.sandbox.fault("slow_body", seconds=600, after_bytes=SHORT // 4)
        id_ = submit_large(stack, SHORT)
        for kill in range(1, 4):
            # What is still in the worker's hands when it dies is at most two chunks of a MiB.
            kill_at(stack.start("worker", **UNSUSPECTED), stack, id_, kill * (SHORT // 4 - 2 * MIB))
            assert artifacts_of(store, id_) == []
        stack.start("worker", **UNSUSPECTED)
        report = check_stored(stack, id_, sizes)
    assert (report["downloads"], report["whole_downloads"]) == (4, 0)
    assert report["bytes_sent"] <= SHORT + 3 * 2 * MIB


def test_a_download_whose_worker_is_killed_at_any_byte_goes_on_where_it_was(stack: Stack) -> None:
    store = stack.home / "files"
    rng = random.Random(7)
    points = sorted(rng.randrange(LONG // 50, LONG) for _ in range(12))
    kills = 0
    with first_sizes(store) as sizes:
        id_ = submit_large(stack, LONG)
        for point in points:
            kill_at(stack.start("worker", **UNSUSPECTED), stack, id_, point)
            kills += stack.show(id_)["state"] != "stored"
        stack.start("worker", **UNSUSPECTED)
        report = check_stored(stack, id_, sizes)
    assert kills >= len(points) // 2
    assert report["whole_downloads"] == 0
    assert report["bytes_sent"] < 2 * LONG
