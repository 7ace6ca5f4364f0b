"""Runs Landfall's own processes over a home of their own, against a sandbox."""

import errno
import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx

from landfall.database import keys
from landfall.database.keys import Scope
from landfall.database.migrate import migrate
from landfall.database.opening import open_database
from landfall.settings import Settings
from landfall.storage.disk import PARTS
from landfall.storage.manifest import MANIFEST
from landfall.transport.embedded import EmbeddedRedis
from tests import forked, plain_http
from tests.asynchronous import run
from tests.free_port import free_port
from tests.vendors.sandbox_process import Sandbox

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 60.0
EXPERIENCE = "23272b65-efac-412d-a8aa-ce8ef41bb4"
LINK_SECRET = "PlantedSessionToken"
SECRETS = {"IT_TOKEN": "sandbox-it", "BWP_ID": "sandbox-c1", "BWP_SECRET": "sandbox-c1-secret"}
T = TypeVar("T")


def until(look: Callable[[], T | None], what: str, seconds: float = PATIENCE_SECONDS) -> T:
    """Look again and again until there is something to see."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen = look()
        if seen:
            return seen
        time.sleep(0.02)
    raise AssertionError(f"{what}: not seen in {seconds:g} s")


@dataclass
class Stack:
    """One home, its settings, and the processes that run over it."""

    home: Path
    sandbox: Sandbox
    port: int
    settings: Mapping[str, str] = field(default_factory=dict)
    key: str = field(default="", repr=False)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    by_fork: bool = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("LANDFALL_")}
        return {
            **plain,
            **SECRETS,
            "PYTHONPATH": str(ROOT),
            "LANDFALL_HOME": str(self.home),
            "LANDFALL_CONFIG": str(self.home / "landfall.toml"),
            "LANDFALL_API_PORT": str(self.port),
            "LANDFALL_LEASE_SECONDS": "1",
            "LANDFALL_SWEEP_SECONDS": "0.2",
            "LANDFALL_LOST_START_SECONDS": "2",
            "LANDFALL_POLL_FLOOR_SECONDS": "0.1",
            "LANDFALL_RETRY_BASE_SECONDS": "0.1",
            "LANDFALL_LOG_LEVEL": "debug",
            "LANDFALL_API_KEY": self.key,
            **self.settings,
        }

    def log(self, name: str) -> str:
        return (self.home / f"{name}.log").read_text(encoding="utf-8")

    def start(self, name: str, **settings: str) -> subprocess.Popen[bytes]:
        """Start `python -m name`; its log is appended to <home>/name.log."""
        starting = forked.start if self.by_fork else forked.start_alone
        environment = {**self.environment, **settings}
        with (self.home / f"{name}.log").open("ab") as log:
            process = starting(name, folder=self.home, env=environment, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    @contextmanager
    def changed(self, *lines: str) -> Iterator[None]:
        """Have shop-bwp get these lines of settings, too, in every process that is started in the block."""
        path = self.home / "landfall.toml"
        before = path.read_text(encoding="utf-8")
        path.write_text("\n".join((before, *lines, "")), encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(before, encoding="utf-8")

    def start_api(self, **settings: str) -> subprocess.Popen[bytes]:
        """Start an API and wait until it is ready; on another port where somebody else has taken this one."""
        log = self.home / "api.log"
        before = log.stat().st_size if log.exists() else 0
        process = self.start("api", **settings)

        def told() -> str:
            return log.read_bytes()[before:].decode(errors="replace")

        # Whoever answers at this port may be another API until ours has said that it listens.
        until(lambda: process.poll() is not None or ("startup complete" in told() and self._ready()), "a ready API")
        if process.returncode is None:
            return process
        assert os.strerror(errno.EADDRINUSE) in told(), told()
        self.processes.remove(process)
        self.port = free_port()
        return self.start_api(**settings)

    def _ready(self) -> bool:
        try:
            return self.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    @property
    def credentials(self) -> dict[str, str]:
        """The header that every request needs."""
        return {"authorization": f"Bearer {self.key}"}

    def call(self, method: str, path: str, **how: Any) -> httpx.Response:
        """Send the stack's key, unless the headers say otherwise."""
        headers = self.credentials | dict(how.pop("headers", None) or {})
        return plain_http.call(method, self.url + path, headers=headers, **{"timeout": 30, **how})

    def get(self, path: str, **how: Any) -> httpx.Response:
        return self.call("GET", path, **how)

    def post(self, path: str, **how: Any) -> httpx.Response:
        return self.call("POST", path, **how)

    def submit(self, account: str = "shop-bwp", number: int = 1, **more: Any) -> str:
        """Ask for an export; different numbers are different requests."""
        answer = self.ask(account, number, **more)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def ask(self, account: str = "shop-bwp", number: int = 1, **more: Any) -> httpx.Response:
        """The same, whatever the API answers."""
        end = f"2026-02-{number % 28 + 1:02}T{number // 28:02}:00:00Z"
        events = {"report_type": "USER_EVENTS", "start": "2026-01-01", "end": end}
        orders = {"experience_id": f"{EXPERIENCE}{number:02x}", "export_type": "orders"}
        request = orders if account == "shop-ab" else events
        return self.post("/v1/exports", json={"account": account, "request": request, **more})

    def show(self, export_id: str) -> dict[str, Any]:
        return dict(self.get(f"/v1/exports/{export_id}").json())

    def events(self, export_id: str) -> list[dict[str, Any]]:
        return list(self.get(f"/v1/exports/{export_id}/events").json()["items"])

    def wait_for(self, export_id: str, *states: str) -> dict[str, Any]:
        """The export once it is in one of the states."""

        def look() -> dict[str, Any] | None:
            export = self.show(export_id)
            return export if export["state"] in states else None

        return until(look, f"{export_id} in {states}")

    def forget(self) -> None:
        """Let the sandbox know nothing, and the accounts be as on their first day."""
        self.sandbox.reset()
        with sqlite3.connect(self.home / "landfall.db", timeout=30) as database:
            database.execute("DELETE FROM orphans")
            database.execute(
                "UPDATE accounts SET failures = 0, open_until = NULL, probing = 0, error_code = NULL,"
                " blocked_until = NULL, slot_limit = NULL, strikes = 0"
            )
        database.close()

    def files(self, export_id: str) -> list[str]:
        """The export's files in the store without their manifests, and every draft of anybody's."""
        root = self.home / "files"
        every = (str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
        return sorted(
            name for name in every if name.startswith(PARTS) or (export_id in name and not name.endswith(MANIFEST))
        )

    def published(self, export_id: str) -> list[str]:
        """The export's files in the store without their manifests; a draft whose writer was killed waits for the sweep."""
        return [name for name in self.files(export_id) if not name.startswith(PARTS)]

    def stop(self, *, but: int = 0) -> None:
        """Stop every process but the first so many."""
        ending = [process for process in self.processes[but:] if process.poll() is None]
        for process in ending:
            process.terminate()
            # One that a test has stopped would never hear of it.
            process.send_signal(signal.SIGCONT)
        for process in ending:
            process.wait(30)
        del self.processes[but:]


@contextmanager
def run_stack(
    home: Path, sandbox: Sandbox, accounts: str = "", settings: Mapping[str, str] | None = None
) -> Iterator[Stack]:
    """A migrated home with one account of each vendor and those of `accounts`; no process of Landfall runs yet.

    `settings` are variables that each process gets; without LANDFALL_REDIS_URL among them an embedded Redis runs.
    """
    settings = settings or {}
    home.mkdir(parents=True, exist_ok=True)
    (home / "landfall.toml").write_text(_config(sandbox) + accounts, encoding="utf-8")
    database = Settings(home=home, database_url=settings.get("LANDFALL_DATABASE_URL", ""))
    migrate(database)
    stack = Stack(home, sandbox, free_port(), settings, new_key(database))
    redis = None if "LANDFALL_REDIS_URL" in settings else EmbeddedRedis(home)
    if redis:
        redis.ensure()
    try:
        yield stack
    finally:
        stack.stop()
        if redis:
            redis.stop()


def new_key(
    settings: Settings,
    scope: Scope = Scope.ADMIN,
    accounts: frozenset[str] | None = None,
    expires_in: timedelta | None = None,
) -> str:
    """The text of a key that is made in the database of the settings."""

    async def make() -> str:
        async with open_database(settings) as database:
            _, text = await database.write(
                lambda connection: keys.create(connection, "test", scope, accounts=accounts, expires_in=expires_in)
            )
            return text

    return run(make())


def _config(sandbox: Sandbox) -> str:
    return f"""
[accounts.shop-ab]
vendor = "intelligems"
access_token = {{ env = "IT_TOKEN" }}
rate_burst = 1000
base_url = {json.dumps(sandbox.intelligems)}

[accounts.shop-bwp]
vendor = "buy_with_prime"
client_id = {{ env = "BWP_ID" }}
client_secret = {{ env = "BWP_SECRET" }}
target_id = "target"
base_url = {json.dumps(sandbox.buy_with_prime)}
"""
