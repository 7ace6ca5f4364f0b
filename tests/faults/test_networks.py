"""Rows 51 and 60: a host that does not go on where it was asked to, and a network that is very slow."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tests.faults.promise import assert_kept
from tests.faults.row import Row

CUT_AFTER = 2_000_000
FIRST_BYTES = 3_000_000
OTHER_BYTES = 2_500_000
SLOW_BYTES = 40_000
Strike = tuple[str, dict[str, Any]]

ANSWERS: dict[str, Strike] = {
    "range ignored (200)": ("odd_body", {"body": "range_ignored"}),
    "206 of another ETag": ("odd_body", {"body": "other_etag"}),
    "range refused (416)": ("odd_body", {"body": "range_refused"}),
    "another file (200)": ("body_size", {"bytes": OTHER_BYTES}),
}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.faults(51, "download resumed, range ignored or other ETag")
def test_a_download_that_cannot_be_resumed_begins_at_byte_0_again(row: Row, answer: str) -> None:
    fault, how = ANSWERS[answer]
    row.stack.sandbox.fault("body_size", bytes=FIRST_BYTES)
    row.start_workers(1, "download.begun=wait:go")
    row.submit()
    row.until_struck("download.begun")
    (report,) = row.stack.sandbox.reports()
    for name, terms in (("download_truncated", {"after_bytes": CUT_AFTER}), (fault, how)):
        row.inject(name)
        row.stack.sandbox.fault(name, operation="download", report=report["id"], **terms)
    (row.marks / "go").touch()
    assert_kept(row, injected=3)
    struck = row.stack.sandbox.stats()["faults"]
    assert struck == Counter(["body_size", "download_truncated", fault])
    (report,) = row.stack.sandbox.reports()
    assert report["bytes_sent"] >= CUT_AFTER
    assert (row.starts(), row.stack.events(row.accepted[0])[-1]["attempt"]) == (1, 1)
    row.note(answer=answer, downloads=report["downloads"], sha256="equal")


@dataclass(frozen=True)
class SlowNetwork:
    """A network namespace with one way out, a pair of devices; what comes in is held to 64 kbit/s."""

    number: int

    @property
    def name(self) -> str:
        return f"landfall-{self.number}"

    @property
    def devices(self) -> tuple[str, str]:
        """The end outside, and the one inside."""
        return f"lf{self.number}o", f"lf{self.number}i"

    @property
    def host(self) -> str:
        """The address under which this side is reached from inside."""
        return self._address(1)

    @property
    def guest(self) -> str:
        return self._address(2)

    def _address(self, last: int) -> str:
        number = self.number
        return f"10.{200 + number // (1 << 14) % 50}.{number // 64 % 256}.{number % 64 * 4 + last}"

    def start_worker(self, row: Row) -> None:
        """A worker that lives in it. Redis' socket and SQLite are files, which it sees as before."""
        command = ["ip", "netns", "exec", self.name, sys.executable, "-P", "-m", "worker"]
        with (row.stack.home / "worker.log").open("ab") as log:
            process = subprocess.Popen(command, env=row.stack.environment, stdout=log, stderr=log, cwd=row.stack.home)
        row.stack.processes.append(process)

    def lay(self, undo: ExitStack) -> None:
        """Make it, or skip where the machine refuses."""
        outside, inside = self.devices
        _run("ip", "netns", "add", self.name)
        undo.callback(subprocess.run, ["ip", "netns", "delete", self.name], check=True)
        _run("ip", "link", "add", outside, "type", "veth", "peer", "name", inside, "netns", self.name)
        _run("ip", "address", "add", f"{self.host}/30", "dev", outside)
        _run("ip", "link", "set", outside, "up")
        within = ("ip", "-n", self.name)
        _run(*within, "address", "add", f"{self.guest}/30", "dev", inside)
        _run(*within, "link", "set", inside, "up")
        _run(*within, "link", "set", "lo", "up")
        _run("tc", "qdisc", "add", "dev", outside, "root", "tbf", "rate", "64kbit", "burst", "4kb", "latency", "2s")


# Its address has to be known before the row's sandbox starts.
NETWORK = SlowNetwork(os.getpid())


def _run(*command: str) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]}")
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        pytest.skip(f"{' '.join(command[:3])} is refused: {' '.join(ended.stderr.split())}")


@pytest.fixture
def slow_network() -> Iterator[SlowNetwork]:
    with ExitStack() as undo:
        NETWORK.lay(undo)
        yield NETWORK


@pytest.mark.faults(
    60, "network of 64 kbit/s", sandbox=["--host", NETWORK.host, "--bytes", str(SLOW_BYTES), "--build-mean", "1"]
)
def test_files_land_through_a_slow_network_and_no_heartbeat_is_missed(slow_network: SlowNetwork, row: Row) -> None:
    row.inject("64 kbit/s")
    for _ in range(2):
        slow_network.start_worker(row)
    row.submit(2)
    row.until_over(120)
    assert_kept(row)
    events = [event for id_ in row.accepted for event in row.stack.events(id_)]
    assert {event["kind"] for event in events} & {"rescued", "retry", "again"} == set()
    assert "leases were not renewed" not in row.stack.log("worker")
    assert (row.starts(), row.fenced()) == (2, 0)
    longest = max(event["seconds"] for event in events if event["kind"] == "download")
    # Through an unhindered network either file takes some milliseconds.
    assert longest > SLOW_BYTES / 16_000
    row.note(longest_download=f"{longest:.1f} s", heartbeats_missed=0)
