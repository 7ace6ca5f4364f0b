"""Runs the landfall command and the sandbox as the processes that they are."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests import forked

ROOT = Path(__file__).parents[2]
SECRETS = {"AB_TOKEN": "sandbox-ab", "BWP_ID": "sandbox-bwp", "BWP_SECRET": "sandbox-bwp-secret"}
ACCOUNTS = """
api_port = 0
grace_seconds = 5.0
[accounts.shop-ab]
vendor = "intelligems"
access_token = {{ env = "AB_TOKEN" }}
base_url = "{intelligems}"
[accounts.shop-bwp]
vendor = "buy_with_prime"
client_id = {{ env = "BWP_ID" }}
client_secret = {{ env = "BWP_SECRET" }}
target_id = "target"
base_url = "{buy_with_prime}"
"""
NOWHERE = {"intelligems": "http://127.0.0.1:9/v25", "buy_with_prime": "http://127.0.0.1:9/bwp"}


def command(*words: str) -> list[str]:
    return [sys.executable, "-P", "-m", "cli", *words]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LANDFALL_")}
    return kept | SECRETS | {"PYTHONPATH": str(ROOT)} | dict(extra or {})


def landfall(folder: Path, *words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return forked.run("cli", *words, folder=folder, env=environment(env))


def run(running: "Up", *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command where an `up` runs."""
    return landfall(running.folder, *words)


def write_accounts(folder: Path, sandbox: Mapping[str, str] = NOWHERE) -> None:
    (folder / "landfall.toml").write_text(ACCOUNTS.format(**sandbox))


def until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it never came true that {what}"
        time.sleep(0.02)


@dataclass
class Up:
    """A `landfall up` that is ready."""

    process: subprocess.Popen[str]
    folder: Path
    url: str

    @property
    def key(self) -> str:
        return (self.folder / ".landfall" / "api-key").read_text().strip()

    @property
    def log(self) -> str:
        return (self.folder / "up.log").read_text()

    def children(self) -> dict[str, psutil.Process]:
        """Its processes by their programs' names."""
        found: dict[str, psutil.Process] = {}
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                words = child.cmdline()
                if "-m" in words:
                    found[words[words.index("-m") + 1]] = child
                elif words and "valkey" in words[0]:
                    found["redis"] = child
        return found

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


@contextlib.contextmanager
def up(folder: Path, *words: str, env: Mapping[str, str] | None = None) -> Iterator[Up]:
    with (folder / "up.log").open("a") as log:
        process = forked.start(
            "cli",
            "up",
            *words,
            folder=folder,
            env=environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    with process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line.startswith("Landfall is up at "), (folder / "up.log").read_text()
            yield Up(process, folder, line.split()[-1])
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


@contextlib.contextmanager
def sandbox(*words: str) -> Iterator[dict[str, str]]:
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "sandbox", "--port", "0", *words],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            addresses: dict[str, str] = json.loads(process.stdout.readline())
            yield addresses
        finally:
            process.terminate()
            process.wait(30)


def one_line(text: str) -> str:
    """The only line of the text."""
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    return lines[0]


def body(ended: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(ended.stdout)
