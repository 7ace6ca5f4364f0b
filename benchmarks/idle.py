"""Measures what `landfall up` costs with nothing to do, and how soon the vendor sees the start of a lone export."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil

from benchmarks.errors import NotFinishedError
from benchmarks.ideal import percentile
from benchmarks.landfall_processes import (
    environment,
    free_port,
    submission,
    wait_for_local_key,
    wait_until_ready,
    write_config,
)
from benchmarks.usage import cpu_seconds, resident_bytes
from benchmarks.vendor import Vendor, run_vendor

_BUILD_SECONDS = 0.05
_PATIENCE_SECONDS = 30.0


def idle(*, posts: int, seconds: float, variables: Mapping[str, str]) -> dict[str, float]:
    """Post so many lone exports, then watch for so many seconds."""
    with TemporaryDirectory(prefix="bench-") as folder, run_vendor(_BUILD_SECONDS, seed=7) as vendor:
        home, port = Path(folder) / "home", free_port()
        env = environment(home, port, 1, {"LANDFALL_POLL_FLOOR_SECONDS": "0.05", **variables})
        write_config(home, vendor.base_url, 1)
        with _up(home, env) as process, httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            wait_until_ready(client, home / "log" / "api.log")
            client.headers.update(wait_for_local_key(home))
            latencies = _post_one_by_one(client, vendor, posts)
            return _latencies(latencies) | _at_rest(process, seconds)


@contextmanager
def _up(home: Path, env: Mapping[str, str]) -> Iterator[psutil.Process]:
    command = [sys.executable, "-P", "-m", "cli", "up", "--quiet"]
    process = subprocess.Popen(command, env=env, cwd=home, stdout=subprocess.DEVNULL)  # noqa: S603 - our own program
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def _post_one_by_one(client: httpx.Client, vendor: Vendor, posts: int) -> list[float]:
    """Each export is asked for when the one before is stored and all is quiet, at no regular moment."""
    pauses, sent = random.Random(7), []  # noqa: S311 - a run is repeatable
    for nth in range(posts):
        time.sleep(pauses.uniform(0.1, 0.4))
        sent.append(time.time())
        client.post("/v1/exports", json=submission(0, nth, "idle")).raise_for_status()
        _wait_for_download(vendor, nth + 1)
    return [report["requested_at"] - at for report, at in zip(vendor.reports(), sent, strict=True)]


def _wait_for_download(vendor: Vendor, count: int) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while vendor.stats()["whole_downloads"] < count:
        if time.monotonic() > end:
            raise NotFinishedError("an export was not stored in time")
        time.sleep(0.02)


def _latencies(seconds: list[float]) -> dict[str, float]:
    shares = {"median": 0.5, "p95": 0.95, "p99": 0.99, "worst": 1.0}
    return {f"start_latency_{name}_ms": 1000 * percentile(seconds, share) for name, share in shares.items()}


def _at_rest(process: psutil.Process, seconds: float) -> dict[str, float]:
    before, since = cpu_seconds([process]), time.monotonic()
    time.sleep(seconds)
    used = cpu_seconds([process]) - before
    return {
        "idle_cpu_percent_of_a_core": 100 * used / (time.monotonic() - since),
        "idle_rss_mb": resident_bytes([process]) / 1e6,
        "idle_processes": 1 + len(process.children(recursive=True)),
    }
