"""Keeps artifacts in a folder, each whole and synced before anybody can see it."""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from landfall.exports.errors import StorageUnavailable
from landfall.storage import part_file
from landfall.storage.disk_draft import CHUNK_BYTES, PARTS, DiskDraft, uri_of
from landfall.storage.durable import as_storage_errors, make_folders, sync_folder, write_temporary
from landfall.storage.manifest import MANIFEST
from landfall.storage.published import ArtifactMissing

__all__ = ["PARTS", "DiskStore"]

_LEAST_ROOM = 1 << 20
_CURE = "make it a writable folder with room or name another in LANDFALL_STORAGE_URL"


class DiskStore:
    """A folder of artifacts; their parts live in its hidden folder `.parts`, on the same file system."""

    def __init__(self, root: Path) -> None:
        """Make nothing yet."""
        self._root = Path(os.path.normpath(root))
        self.url = self._root.as_uri()

    def draft(self, key: str, mark: str) -> DiskDraft:
        """Open the part of a key. Raises StorageUnavailable, StorageFull; ValueError for a key outside the folder."""
        if self._below(self._root / key) is None:
            raise ValueError(f"{key!r} is no key of a file in the store")
        return DiskDraft(self._root, key, mark)

    def uri(self, key: str) -> str:
        """The name by which a row knows the artifact of a key."""
        return uri_of(self._root, key)

    def open(self, uri: str) -> Iterator[bytes]:
        """Read an artifact in chunks of 1 MiB. Raises ArtifactMissing, StorageUnavailable."""
        path = self.local_path(uri)
        if path is None:
            raise ArtifactMissing(f"{uri}: there is no such file.")
        return self._chunks(path, uri)

    def stat(self, uri: str) -> int | None:
        """The size in bytes, None where the artifact is gone. Raises StorageUnavailable."""
        path = self.local_path(uri)
        with as_storage_errors(self._root), suppress(FileNotFoundError):
            return path.stat().st_size if path else None
        return None

    def manifest(self, uri: str) -> bytes | None:
        """The manifest of an artifact, None where there is none. Raises StorageUnavailable."""
        path = self.local_path(uri + MANIFEST)
        with as_storage_errors(self._root), suppress(FileNotFoundError):
            return path.read_bytes() if path else None
        return None

    def describe(self, uri: str, manifest: bytes) -> None:
        """Put this manifest beside the artifact. Raises StorageUnavailable, StorageFull."""
        path = self._own_path(uri)
        with as_storage_errors(self._root):
            make_folders(self._root / PARTS)
            described = write_temporary(self._root / PARTS, manifest)
            try:
                described.replace(path.with_name(path.name + MANIFEST))
            finally:
                described.unlink(missing_ok=True)
            sync_folder(path.parent)

    def remove(self, uri: str) -> None:
        """Remove the artifact, its manifest and the folders that are empty then. Raises StorageUnavailable."""
        path = self._own_path(uri)
        with as_storage_errors(self._root):
            for name in (path, path.with_name(path.name + MANIFEST)):
                with suppress(FileNotFoundError, NotADirectoryError):
                    name.unlink()
            with suppress(FileNotFoundError, NotADirectoryError):
                sync_folder(path.parent)
            self._prune(path.parent)

    def local_path(self, uri: str) -> Path | None:
        """The file of an artifact, None where it is gone or lies outside. Raises StorageUnavailable."""
        path = self._path(uri)
        with as_storage_errors(self._root):
            return path if path and path.is_file() and self._is_inside(path) else None

    def signed_url(self, uri: str, seconds: int) -> str | None:  # noqa: ARG002 - the signature is the protocol's
        """None: a folder has no address of its own."""
        return None

    def free_bytes(self) -> int:
        """The room that is left for this user. Raises StorageUnavailable."""
        with as_storage_errors(self._root):
            found = os.statvfs(next(path for path in (self._root, *self._root.parents) if path.exists()))
        return found.f_bavail * found.f_frsize

    def sweep(self, older_than: timedelta) -> int:
        """Remove parts and temporary files that nobody has written for so long or has open; returns how many."""
        with as_storage_errors(self._root):
            return part_file.sweep(self._root / PARTS, older_than.total_seconds())

    def check(self) -> None:
        """Write, sync, link, read and remove a probe. Raises StorageUnavailable."""
        try:
            make_folders(self._root / PARTS)
            probe = write_temporary(self._root / PARTS, b"probe")
            try:
                self._check_probe(probe)
            finally:
                probe.unlink(missing_ok=True)
            free = self.free_bytes()
        except OSError as error:
            raise StorageUnavailable(f"{self._root}: {error.strerror or error}; {_CURE}") from error
        if free < _LEAST_ROOM:
            raise StorageUnavailable(f"{self._root}: less than 1 MiB of room is left; {_CURE}")

    def _check_probe(self, probe: Path) -> None:
        if probe.read_bytes() != b"probe":
            raise StorageUnavailable(f"{self._root}: the disk gave back other bytes than it was given; {_CURE}")
        part_file.lock(probe).close()
        linked = probe.with_suffix(".link.tmp")
        try:
            os.link(probe, linked)
        except OSError as error:
            raise StorageUnavailable(
                f"{self._root}: its file system makes no hard links ({error.strerror}), by which files are published; "
                "name a folder on another one in LANDFALL_STORAGE_URL"
            ) from error
        linked.unlink()

    def _chunks(self, path: Path, uri: str) -> Iterator[bytes]:
        with as_storage_errors(self._root):
            try:
                file = path.open("rb", buffering=0)
            except FileNotFoundError:
                raise ArtifactMissing(f"{uri}: there is no such file.") from None
            with file:
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk

    def _own_path(self, uri: str) -> Path:
        path = self._path(uri)
        if path is None or not self._is_inside(path.parent):
            raise StorageUnavailable(
                f"{uri} does not lie in {self.url}; set LANDFALL_STORAGE_URL to the store that has it"
            )
        return path

    def _path(self, uri: str) -> Path | None:
        parts = urlsplit(uri)
        if parts.scheme != "file" or parts.netloc:
            return None
        return self._below(Path(unquote(parts.path)))

    def _below(self, path: Path) -> Path | None:
        """The path without its detours, None where it is not that of a file in the store."""
        path = Path(os.path.normpath(path))
        if "\0" in str(path) or path == self._root or not path.is_relative_to(self._root):
            return None
        return None if path.relative_to(self._root).parts[0] == PARTS else path

    def _is_inside(self, path: Path) -> bool:
        """Whether no symbolic link on the way leads out of the store."""
        return path.resolve().is_relative_to(self._root.resolve())

    def _prune(self, folder: Path) -> None:
        with suppress(OSError):  # not empty
            while folder != self._root:
                folder.rmdir()
                folder = folder.parent
