"""Checks what this machine gives a process: Python, open files, the home."""

import os
import platform
import resource
import shutil
import stat
import sys
from collections.abc import Iterator

from cli.credentials import KEY_FILE
from cli.doctor.finding import Finding, Installation, error, ok, warning
from landfall import __version__
from landfall.sizes import size

_OLDEST_PYTHON = (3, 11)
_FILES = 1024
_LEAST_ROOM = 256 << 20


def look_at_python() -> Iterator[Finding]:
    """The Python that runs this, and what it may open."""
    found = f"Python {platform.python_version()} on {platform.system()}, Landfall {__version__}"
    if sys.version_info < _OLDEST_PYTHON:
        yield error("python", found, f"install Python {'.'.join(map(str, _OLDEST_PYTHON))} or later")
    else:
        yield ok("python", found)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files != resource.RLIM_INFINITY and files < _FILES:
        yield warning("open files", f"a process may open {files}", f"allow {_FILES} or more (`ulimit -n {_FILES}`)")
    else:
        yield ok("open files", "no limit" if files == resource.RLIM_INFINITY else f"a process may open {files}")


def look_at_home(installation: Installation) -> Iterator[Finding]:
    """The folder of all state: whether it can be used, and whose eyes it is for."""
    home = installation.settings.home
    there = next(path for path in (home, *home.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        cure = "make it a writable folder or name another in LANDFALL_HOME"
        yield error("home", f"{home} cannot be written to", cure)
        return
    free = shutil.disk_usage(there).free
    if free < _LEAST_ROOM:
        yield warning("home", f"{home} has {size(free)} of room left", "make room on its disk")
    else:
        yield ok("home", f"{home}, {size(free)} free" + ("" if there == home else "; `landfall up` makes it"))
    key = home / KEY_FILE
    if key.exists() and stat.S_IMODE(key.stat().st_mode) & 0o077:
        yield warning("home", f"others may read {key}, which opens the API", f"chmod 600 {key}")
