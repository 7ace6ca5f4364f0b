"""Runs the sandbox as a process of its own and reads what it witnessed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil

from benchmarks.cases import CSV_BYTES, SIGMA, SLOTS

ROOT = Path(__file__).parents[1]
_ALWAYS = 10**9


class Vendor:
    """A sandbox with seeded build times; `restart` puts another one, with another seed, under the same address."""

    def __init__(self, mean: float, answer_seconds: float = 0.0) -> None:
        """Start nothing yet; `mean` is the mean build time in seconds, each answer takes `answer_seconds` more."""
        self._mean = mean
        self._answer_seconds = answer_seconds
        self._port = 0
        self._process: subprocess.Popen[str] | None = None
        self._client = httpx.Client(trust_env=False, timeout=60)
        self.base_url = ""
        self._control = ""

    def restart(self, seed: int) -> None:
        """Forget everything, and draw the build times from this seed."""
        self.stop()
        flags = {
            "--port": self._port,
            "--seed": seed,
            "--build-mean": self._mean,
            "--build-sigma": SIGMA,
            "--bytes": CSV_BYTES,
            "--max-started": SLOTS,
        }
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-P", "-m", "sandbox", *(str(part) for flag in flags.items() for part in flag)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._process.stdout is None or not (line := self._process.stdout.readline()):
            raise RuntimeError("the sandbox did not start")
        ready = json.loads(line)
        self.base_url, self._control = ready["buy_with_prime"], ready["control"]
        self._port = urlsplit(ready["url"]).port or 0
        if self._answer_seconds:
            slow = {"fault": "slow_answer", "seconds": self._answer_seconds, "count": _ALWAYS}
            self._client.post(f"{self._control}/faults", json=slow).raise_for_status()

    @property
    def processes(self) -> list[psutil.Process]:
        """The sandbox's process."""
        return [psutil.Process(self._process.pid)] if self._process else []

    def stats(self) -> dict[str, Any]:
        """Read the sandbox's counters."""
        return dict(self._client.get(f"{self._control}/stats").raise_for_status().json())

    def reports(self) -> list[dict[str, Any]]:
        """Read every report, in order of acceptance."""
        return list(self._client.get(f"{self._control}/reports").raise_for_status().json())

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End the process and the connections to it."""
        self.stop()
        self._client.close()


@contextmanager
def run_vendor(mean: float, seed: int, answer_seconds: float = 0.0) -> Iterator[Vendor]:
    """Run a sandbox on a free port until the block ends."""
    vendor = Vendor(mean, answer_seconds)
    try:
        vendor.restart(seed)
        yield vendor
    finally:
        vendor.close()
