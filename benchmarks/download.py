"""Measures case D, one large CSV to disk or to a store, beside curl and a bare httpx loop: `python -m benchmarks.download`."""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import uvloop

from benchmarks.file_server import whole_size
from landfall.exports.job import ExportJob
from landfall.net.carrier import Carrier
from landfall.storage.keys import artifact_key
from landfall.storage.store import open_store
from landfall.vendors.buy_with_prime.account import BuyWithPrimeAccount
from landfall.vendors.vendor import Link
from tests.services.swift import KEY_ID, SECRET, running_swift
from worker.landing import Landing
from worker.transfer.fetch import Transfer

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Run:
    """One download: megabytes a second, CPU seconds, peak resident megabytes."""

    speed: float
    cpu: float
    rss: float


def main() -> int:
    """Run the contenders in turn, several times, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1024, help="size of the file (1024)")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument(
        "--s3", action="store_true", help="to a real S3 service, beside the same writer fed from memory"
    )
    parser.add_argument("--run", nargs=3, metavar=("WHO", "URL", "WHERE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        who, url, where = arguments.run
        began = time.monotonic()
        match who:
            case "landfall":
                uvloop.run(_landfall(url, where))
            case "memory":
                _memory(url, where)
            case _:
                _httpx(url, Path(where))
        print(time.monotonic() - began)  # noqa: T201 - the parent reads it
        return 0
    size = whole_size(arguments.mib * _MIB)
    others = ("memory",) if arguments.s3 else ("curl", "httpx")
    with _server(size) as url, _store(s3=arguments.s3) as store:
        runs: dict[str, list[Run]] = {}
        for _ in range(arguments.repeat):
            for who in (*others, "landfall"):
                runs.setdefault(who, []).append(_measured(who, url, size, store))
    print(_report(runs, others))  # noqa: T201 - this is a command
    return 0


def _measured(who: str, url: str, size: int, store: str | None) -> Run:
    with TemporaryDirectory(prefix="bench-") as folder:
        where = store or (Path(folder).as_uri() if who == "landfall" else str(Path(folder, "file.csv")))
        curl = [shutil.which("curl") or "curl", "--silent", "--show-error", "--output", where, url]
        command = curl if who == "curl" else [sys.executable, "-m", "benchmarks.download", "--run", who, url, where]
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own programs
        told = process.stdout.read() if process.stdout else ""
        _, status, used = os.wait4(process.pid, 0)
        # What Python takes to start is no part of a download.
        seconds = float(told) if told else time.monotonic() - began
        if status:
            raise SystemExit(f"{who} failed")
        return Run(size / 1e6 / seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _httpx(url: str, where: Path) -> None:
    """What most people write: no proof, no checksum, no sync."""
    with httpx.stream("GET", url, timeout=60) as response, where.open("wb") as file:
        for chunk in response.iter_bytes():
            file.write(chunk)


def _memory(url: str, where: str) -> None:
    """The store's own writer, fed with as many bytes from memory."""
    with httpx.stream("GET", url, timeout=60) as response:
        size = int(response.headers["content-length"])
    chunk = bytes(_MIB)
    draft = open_store(where).draft(f"{time.time_ns()}.csv", "bench")
    draft.remember(None)
    for _ in range(size // _MIB):
        draft.write(chunk)
    draft.publish(b"{}")
    draft.close()


async def _landfall(url: str, where: str) -> None:
    """The download step from the link to the published file: bounded, counted, hashed, proven, synced, linked."""
    account = BuyWithPrimeAccount.model_validate(
        {
            "vendor": "buy_with_prime",
            "base_url": "http://127.0.0.1",
            "client_id": "bench",
            "client_secret": {"env": "NONE"},
            "target_id": "bench",
        }
    )
    now = datetime.now(UTC)
    job = ExportJob(
        id=f"exp_{time.time_ns()}",
        account="bench",
        vendor="buy_with_prime",
        report_type="USER_EVENTS",
        request={},
        request_hash="0",
        created_at=now,
        deadline=timedelta(hours=1),
        report_id="bench",
    )
    carrier = Carrier()
    landing = await Landing.open(open_store(where), artifact_key("{export_id}.csv", job), job, reserve=0)
    whole = await Transfer(account, carrier, carrier).fetch(Link(url, now + timedelta(hours=1)), landing)
    landing.prove(whole)
    await landing.publish(job)
    await landing.close()
    await carrier.aclose()


@contextmanager
def _store(*, s3: bool) -> Iterator[str | None]:
    """OpenStack Swift with its s3api, as the tests run it."""
    if not s3:
        yield None
        return
    with TemporaryDirectory(prefix="bench-") as folder, running_swift(Path(folder)) as swift:
        os.environ |= {
            "AWS_ENDPOINT_URL": swift.endpoint,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }
        yield f"s3://{swift.make_bucket('bench')}/files"


@contextmanager
def _server(size: int) -> Iterator[str]:
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "benchmarks.file_server", str(size)], stdout=subprocess.PIPE, text=True
    )
    try:
        port = process.stdout.readline().strip() if process.stdout else ""
        yield f"http://127.0.0.1:{port}/file.csv"
    finally:
        process.kill()
        process.wait()


def _report(runs: dict[str, list[Run]], others: Sequence[str]) -> str:
    speeds = {who: statistics.median(run.speed for run in each) for who, each in runs.items()}
    rows = [
        [
            who,
            f"{speeds[who]:.0f}",
            *(f"{speeds[who] / speeds[other]:.2f}" for other in others),
            f"{statistics.median(run.cpu for run in each):.2f}",
            f"{max(run.rss for run in each):.0f}",
        ]
        for who, each in runs.items()
    ]
    heads = ["by", "MB/s", *(f"of {other}" for other in others), "CPU s", "peak RSS MB"]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, ["---", *["---:"] * (len(heads) - 1)], *rows))


if __name__ == "__main__":
    sys.exit(main())
