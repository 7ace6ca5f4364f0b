"""Lends folders for files that are needed for a while, and removes those that a dead process left."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

_PREFIX = "copy-"


@contextmanager
def borrowed_folder(workspace: Path) -> Iterator[Path]:
    """A new folder that is removed with all that is in it. Raises OSError."""
    workspace.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=workspace, prefix=_PREFIX, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def sweep_workspace(workspace: Path, older_than: timedelta) -> int:
    """Remove the folders in which nothing has been written for so long; returns how many. Raises OSError."""
    before = time.time() - older_than.total_seconds()
    folders = [path for path in workspace.glob(f"{_PREFIX}*") if path.is_dir() and not path.is_symlink()]
    stale = [folder for folder in folders if _last_written(folder) < before]
    for folder in stale:
        shutil.rmtree(folder, ignore_errors=True)
    return len(stale)


def _last_written(folder: Path) -> float:
    """When its newest file was written to; one that is only being read may go: whoever reads it has it open."""
    moments = [0.0]
    for path in (folder, *folder.rglob("*")):
        with suppress(FileNotFoundError):
            moments.append(path.stat().st_mtime)
    return max(moments)
