"""Makes files and folders that outlive a power cut, and says in our words why that failed."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from landfall.exports.errors import StorageFull, StorageReadOnly, StorageUnavailable

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


def make_folders(folder: Path) -> None:
    """Make the folder and its parents, and sync the entry of each that is new."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the folder's entries written to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_temporary(folder: Path, content: bytes) -> Path:
    """Write a new file of a random name in the folder and sync it; whoever calls gives it its own name."""
    path = folder / f"{secrets.token_hex(8)}.tmp"
    try:
        with path.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return path


@contextmanager
def as_storage_errors(root: Path, key: str = "") -> Iterator[None]:
    """Raise StorageFull, StorageReadOnly or StorageUnavailable for an OSError inside; it names the path below `root`."""
    try:
        yield
    except OSError as error:
        text = f"{_place(error, root, key)}: {error.strerror or error}"
        if error.errno in _FULL:
            raise StorageFull(text) from error
        if error.errno in _READ_ONLY:
            raise StorageReadOnly(text) from error
        raise StorageUnavailable(text) from error


def _place(error: OSError, root: Path, key: str) -> Path:
    """The path that the error names, else that of the key; below the root the root itself is left out."""
    path = Path(error.filename) if isinstance(error.filename, str | os.PathLike) else root / key
    return path.relative_to(root) if path != root and path.is_relative_to(root) else path
