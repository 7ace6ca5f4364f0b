"""Keeps artifacts in a folder: temp file, fsync, link, fsync of the folder."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

from landfall.exports.errors import StorageUnavailable
from landfall.storage.published import Published

PARTS = ".parts"


class DiskStore:
    """A folder of artifacts; drafts live in its hidden folder `.parts`, on the same file system."""

    def __init__(self, root: Path) -> None:
        """Make nothing yet."""
        self.root = Path(os.path.normpath(root))

    def draft(self, key: str) -> "DiskDraft":
        """Begin a file. Raises StorageUnavailable."""
        with _as_storage_errors(self.root):
            return DiskDraft(self.root, key)

    def path(self, uri: str) -> Path | None:
        """The file that a URI of this store names, None where it is gone or lies outside."""
        path = Path(os.path.normpath(unquote(urlsplit(uri).path)))
        return path if path.is_relative_to(self.root) and path.is_file() else None


class DiskDraft:
    """A file in the making."""

    def __init__(self, root: Path, key: str) -> None:
        """Open the part file; parts of the same key that a dead worker left are removed first."""
        self._root = root
        self._target = root / key
        name = hashlib.sha256(key.encode()).hexdigest()[:32]
        parts = root / PARTS
        parts.mkdir(parents=True, exist_ok=True)
        for leftover in parts.glob(f"{name}.*"):
            leftover.unlink(missing_ok=True)
        self._part = parts / f"{name}.{secrets.token_hex(4)}"
        self._file = self._part.open("xb", buffering=0)

    def write(self, chunk: bytes) -> None:
        """Append."""
        with _as_storage_errors(self._root):
            view = memoryview(chunk)
            while view:
                view = view[self._file.write(view) :]

    def publish(self) -> Published:
        """Sync and link under the final name; a name that is taken is kept as it is."""
        with _as_storage_errors(self._root):
            os.fsync(self._file.fileno())
            fresh = _make_folders(self._target.parent)
            adopted = False
            try:
                os.link(self._part, self._target)
            except FileExistsError:
                adopted = True
            # Whoever linked the name may have died before it was synced.
            for folder in (self._target.parent, *fresh):
                _sync_folder(folder)
            return Published(self._target.as_uri(), adopted)

    def __enter__(self) -> Self:
        """Be removed at the end of a block, published or not."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the part file; the published name, if any, stays."""
        self._file.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)


def _make_folders(folder: Path) -> list[Path]:
    """Make the folder; returns the parents whose entries are new and must be synced."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return [path.parent for path in missing]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _as_storage_errors(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageUnavailable(f"{root}: {error.strerror or error}") from error
