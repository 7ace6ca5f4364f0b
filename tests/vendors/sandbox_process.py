"""Starts the sandbox as a process of its own and steers it."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from typing import Any

from tests import forked, plain_http

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox: the base URLs of both vendors, and its control API."""

    intelligems: str
    buy_with_prime: str
    control: str

    def reset(self) -> None:
        plain_http.post(f"{self.control}/reset").raise_for_status()

    def fault(self, name: str, **how: Any) -> None:
        plain_http.post(f"{self.control}/faults", json={"fault": name, **how}).raise_for_status()

    def stats(self) -> dict[str, Any]:
        return dict(plain_http.get(f"{self.control}/stats").raise_for_status().json())

    def reports(self) -> list[dict[str, Any]]:
        return list(plain_http.get(f"{self.control}/reports").raise_for_status().json())


@contextmanager
def run_sandbox(*flags: str) -> Iterator[Sandbox]:
    """Run a sandbox on a free port until the block ends."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = forked.start("sandbox", "--port", "0", *flags, folder=Path.cwd(), env=environment, stdout=PIPE)
    assert process.stdout
    with process, process.stdout:
        try:
            ready = json.loads(process.stdout.readline())
            yield Sandbox(ready["intelligems"], ready["buy_with_prime"], ready["control"])
        finally:
            process.terminate()
            process.wait()
