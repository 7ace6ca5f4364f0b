"""Keeps a home to one `landfall up` at a time and tells others where it is."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

from cli.address import running_url
from landfall.settings import SettingsError


class Home:
    """A home that this process holds; `left_over` says that the last holder did not end by itself."""

    def __init__(self, path: Path) -> None:
        """Look at what the last holder left."""
        self._notice = path / "up.json"
        self.left_over = self._notice.exists()

    def announce(self, url: str) -> None:
        """Write who holds the home and where the API is."""
        part = self._notice.with_suffix(".part")
        part.write_text(json.dumps({"pid": os.getpid(), "url": url}) + "\n")
        part.replace(self._notice)

    def withdraw(self) -> None:
        """Take the notice back."""
        self._notice.unlink(missing_ok=True)


@contextlib.contextmanager
def hold(path: Path) -> Iterator[Home]:
    """Hold the home until the block ends. Raises SettingsError, naming the holder, where another `up` does."""
    descriptor = os.open(path / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsError(_taken(path, os.read(descriptor, 32).decode().strip())) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        home = Home(path)
        try:
            yield home
        finally:
            home.withdraw()
    finally:
        os.close(descriptor)


def _taken(path: Path, pid: str) -> str:
    where = running_url(path)
    who = f"process {pid or 'unknown'}, " + (f"at {where}" if where else "still starting")
    return (
        f"another `landfall up` runs on {path} ({who}); use that one, stop it, or name another home in LANDFALL_HOME."
    )
