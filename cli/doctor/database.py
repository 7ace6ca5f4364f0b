"""Checks the database: that it answers, suits this release, is sound and knows what time it is."""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from cli.doctor.finding import Finding, Installation, error, ok, warning, wrong_setting
from cli.doctor.looking import connect_readonly, read
from landfall.database.clock import read_clock
from landfall.database.connection import DatabaseUnavailable
from landfall.database.opening import shown
from landfall.database.revision import Schema, current, objection
from landfall.database.sqlite import sqlite_path
from landfall.database.urls import is_postgres
from landfall.settings import SettingsError

_CHECK_SECONDS = 3.0
_STEPS_BETWEEN_LOOKS = 10_000
_SKEW_SECONDS = 5.0
_WAL = b"\x02\x02"
_ON_A_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "fuse.sshfs"})


def look_at_database(installation: Installation) -> Iterator[Finding]:
    """Everything about it but what stands in it."""
    try:
        url = installation.settings.database_url
        where = shown(url)
        if is_postgres(url):
            yield from _server(installation, where)
        else:
            yield from _file(installation, sqlite_path(url))
    except SettingsError as problem:
        yield wrong_setting("database", problem)


def _server(installation: Installation, where: str) -> Iterator[Finding]:
    def look(connection: Connection) -> tuple[Schema | None, datetime, datetime, datetime]:
        schema, asked_at = current(connection), datetime.now(UTC)
        return schema, asked_at, read_clock(connection), datetime.now(UTC)

    try:
        schema, asked_at, told, answered_at = read(installation.settings, look)
    except DatabaseUnavailable as problem:
        cure = "start the server, or correct LANDFALL_DATABASE_URL"
        yield error("database", f"{where} does not answer ({problem})", cure)
        return
    yield _suits(where, schema)
    skew = max((told - answered_at).total_seconds(), (asked_at - told).total_seconds(), 0.0)
    if skew > _SKEW_SECONDS:
        found = f"it and this machine's differ by {skew:.0f} s"
        yield warning("clock of the database", found, "synchronise both with NTP (chrony, systemd-timesyncd)")
    else:
        yield ok("clock of the database", "agrees with this machine's")


def _file(installation: Installation, path: Path) -> Iterator[Finding]:
    if not path.exists():
        yield ok("database", f"{path} does not exist yet; `landfall up` makes it")
        return
    try:
        schema = read(installation.settings, current)
        yield _suits(str(path), schema)
        yield from _soundness(path)
    except (DatabaseUnavailable, sqlite3.Error, OSError) as problem:
        cure = "make it readable, restore it from a backup, or correct LANDFALL_DATABASE_URL"
        yield error("database", f"{path} cannot be read ({problem})", cure)


def _suits(where: str, schema: Schema | None) -> Finding:
    wrong = objection(schema)
    if wrong:
        found, _, cure = wrong.rstrip(".").partition(": ")
        return error("database", f"{where}: {found}", cure)
    return ok("database", f"{where} at revision {schema.revision if schema else ''}")


def _soundness(path: Path) -> Iterator[Finding]:
    with path.open("rb") as file:
        file.seek(18)
        if file.read(2) != _WAL:
            yield warning("database file", "it is not in WAL mode", "start `landfall up` once, which sets it")
    kind = _file_system(path)
    if kind in _ON_A_NETWORK:
        yield error(
            "database file",
            f"it lies on a network file system ({kind}), where SQLite loses data",
            "move LANDFALL_HOME to a local disk, or use Postgres",
        )
    faults = _faults(path)
    if faults:
        cure = "stop Landfall and restore the database from a backup"
        yield error("database file", f"it is damaged: {faults}", cure)
    else:
        yield ok("database file", "sound" if faults is not None else "no fault found in what was read; it is large")


def _faults(path: Path) -> str | None:
    """What SQLite finds wrong, empty where nothing; None where there was no time to read all of it."""
    end = time.monotonic() + _CHECK_SECONDS
    with contextlib.closing(connect_readonly(path)) as connection:
        connection.set_progress_handler(lambda: int(time.monotonic() > end), _STEPS_BETWEEN_LOOKS)
        try:
            found = "; ".join(str(line) for (line,) in connection.execute("PRAGMA quick_check(3)"))
        except sqlite3.OperationalError as problem:
            if problem.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                return None
            raise
        except sqlite3.DatabaseError as problem:
            return str(problem)
    return "" if found == "ok" else " ".join(found.split())


def _file_system(path: Path) -> str:
    """The kind of file system that the file lies on, empty where this machine does not tell."""
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError):
        return ""
    place = path.resolve()
    under = [(point, kind) for point, kind in mounts if place.is_relative_to(point.replace("\\040", " "))]
    return max(under, key=lambda mount: len(mount[0]), default=("", ""))[1]
