"""Starts Landfall as its users run it: API, workers and embedded Redis over a home of their own."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from benchmarks.errors import NotFinishedError, end_of_log
from benchmarks.vendor import ROOT

_START_SECONDS = 30.0


def account(number: int) -> str:
    """The name of the account of this number, in Landfall and, after `sandbox-`, at the vendor."""
    return f"bench-{number:03}"


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(home: Path, port: int, accounts: int, variables: Mapping[str, str]) -> dict[str, str]:
    """The processes' environment: secrets of every account, and `variables` over Landfall's defaults."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("LANDFALL_")}
    secrets = {f"BENCH_ID_{number}": f"sandbox-{account(number)}" for number in range(accounts)}
    return {
        **plain,
        **secrets,
        **{name.replace("_ID_", "_SECRET_"): f"{value}-secret" for name, value in secrets.items()},
        "PYTHONPATH": str(ROOT),
        "LANDFALL_HOME": str(home),
        "LANDFALL_CONFIG": str(home / "landfall.toml"),
        "LANDFALL_API_PORT": str(port),
        "LANDFALL_API_RATE_LIMIT": "0",
        **variables,
    }


def write_config(home: Path, base_url: str, accounts: int) -> None:
    """Write landfall.toml with so many Buy with Prime accounts."""
    home.mkdir(parents=True, exist_ok=True)
    tables = (_table(number, base_url) for number in range(accounts))
    (home / "landfall.toml").write_text("\n".join(tables), encoding="utf-8")


def _table(number: int, base_url: str) -> str:
    return f"""[accounts.{account(number)}]
vendor = "buy_with_prime"
client_id = {{ env = "BENCH_ID_{number}" }}
client_secret = {{ env = "BENCH_SECRET_{number}" }}
target_id = "bench"
base_url = {json.dumps(base_url)}
"""


def migrate(home: Path, env: Mapping[str, str]) -> None:
    """Bring the home's database to the newest schema."""
    _run(home, env, "landfall.database.migrate")


def new_key(home: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Make an API key in the home's database; the header that carries it."""
    return _header(_run(home, env, "cli", "keys", "create", "benchmark", "--scope", "write"))


def wait_for_local_key(home: Path) -> dict[str, str]:
    """Wait for the key that `landfall up` makes; the header that carries it. Raises NotFinishedError."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        with suppress(FileNotFoundError):
            return _header((home / "api-key").read_text(encoding="ascii"))
        time.sleep(0.05)
    raise NotFinishedError("`landfall up` made no API key in time")


def _header(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key.strip()}"}


def _run(home: Path, env: Mapping[str, str], *words: str) -> str:
    command = [sys.executable, "-P", "-m", *words]
    done = subprocess.run(command, env=env, cwd=home, check=False, capture_output=True, text=True)  # noqa: S603 - our own program
    if done.returncode:
        raise NotFinishedError(f"{words[0]} failed: {done.stdout[-400:]}{done.stderr[-400:]}")
    return done.stdout


@contextmanager
def running(home: Path, env: Mapping[str, str], modules: Sequence[str]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run `python -m MODULE` for each (with its arguments, if any) until the block ends; logs go into the home."""
    processes = []
    try:
        for number, module in enumerate(modules):
            with (home / f"{number}.log").open("ab") as log:
                command = [sys.executable, "-P", "-m", *module.split()]
                processes.append(subprocess.Popen(command, env=env, cwd=home, stdout=log, stderr=log))  # noqa: S603 - our own program
        yield processes
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def wait_until_ready(client: httpx.Client, log: Path) -> None:
    """Wait until the API, whose log is named for the error, says that it is ready. Raises NotFinishedError."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        with suppress(httpx.TransportError):
            if client.get("/readyz").is_success:
                return
        time.sleep(0.05)
    raise NotFinishedError(f"Landfall's API was not ready in time; its log: {end_of_log(log)}")


def wait_for_workers(home: Path, workers: int) -> None:
    """Wait until each worker's log (1.log and so on, after the API's 0.log) says that it is ready. Raises NotFinishedError."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        logs = (home / f"{number}.log" for number in range(1, workers + 1))
        if all(b"worker ready" in log.read_bytes() for log in logs):
            return
        time.sleep(0.05)
    raise NotFinishedError(f"a worker was not ready in time; its log: {end_of_log(home / '1.log')}")


def submission(number: int, nth: int, batch: str) -> dict[str, object]:
    """The body of a POST; each `nth` asks for another range."""
    end = f"2026-{nth // 672 + 2:02}-{nth // 24 % 28 + 1:02}T{nth % 24:02}:00:00Z"
    return {
        "account": account(number),
        "request": {"report_type": "USER_EVENTS", "start": "2026-01-01", "end": end},
        "labels": {"batch": batch},
    }
