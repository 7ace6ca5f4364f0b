"""Writes one file into a folder so that a killed writer can be followed by one that goes on, and publishes it once."""

import filecmp
import hashlib
import io
import os
import secrets
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from landfall import failpoints
from landfall.exports.errors import StorageUnavailable
from landfall.storage.durable import as_storage_errors, make_folders, sync_folder, write_temporary
from landfall.storage.manifest import MANIFEST
from landfall.storage.part_file import PART, Note, boot_id, lock, read_note, write_note
from landfall.storage.published import Published

PARTS = ".parts"
CHUNK_BYTES = 1 << 20


class DiskDraft:
    """A part in the store's hidden folder, locked while it is open.

    A second draft of the same key gets a part of its own, which nobody goes on with. Calls may come from several
    threads: a task that was cancelled closes the draft while its last write still runs.
    """

    def __init__(self, root: Path, key: str, mark: str) -> None:
        """Lock the part, and keep what it holds if that is safe and of the same mark."""
        self._root, self._key, self._mark = root, key, mark
        self._target = root / key
        self._turn = threading.RLock()
        self._linked = False
        with as_storage_errors(root, key):
            for folder in (root, root / PARTS):
                make_folders(folder)
            self._path, self._file, self._shared = _take(root / PARTS, hashlib.sha256(key.encode()).hexdigest()[:32])
            try:
                self.held, self.tag = self._left_behind()
                if not self.held:
                    write_note(self._path, None)
                os.ftruncate(self._file.fileno(), self.held)
            except BaseException:
                self._file.close()
                raise

    def replay(self, keep: Callable[[bytes], None]) -> None:
        """Hand the held bytes over again, in chunks of 1 MiB."""
        for start in range(0, self.held, CHUNK_BYTES):
            with self._calling():
                chunk = os.pread(self._file.fileno(), min(CHUNK_BYTES, self.held - start), start)
            keep(chunk)

    def write(self, chunk: bytes) -> None:
        """Append the whole chunk, or on an error nothing of it. Raises StorageUnavailable, StorageFull."""
        with self._calling():
            self._refuse_if_linked()
            failpoints.reach("download.chunk", self._key)
            try:
                end = _write_at(self._file.fileno(), chunk, self.held)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(self._file.fileno(), self.held)
                raise
            self.held = end

    def remember(self, tag: str | None) -> None:
        """Keep the strong ETag of what is written from now on; bytes of two tags are never resumed."""
        with self._calling():
            self.tag = tag if not self.held or tag == self.tag else None
            self._note()

    def restart(self) -> None:
        """Drop what is held and begin at byte 0 again."""
        with self._calling():
            self._refuse_if_linked()
            self.held, self.tag = 0, None
            write_note(self._path, None)
            os.ftruncate(self._file.fileno(), 0)

    def publish(self, manifest: bytes) -> Published:
        """Sync the file and link it under its key, then its manifest. Raises StorageUnavailable, StorageFull."""
        with self._calling():
            self._sync()
            # Written before the file is linked: where there is no room for it, nothing is published yet.
            described = write_temporary(self._root / PARTS, manifest)
            try:
                adopted = self._link()
                failpoints.reach("publish.linked", self._key)
                for folder in (self._target.parent, *self._target.parent.parents):
                    # Whoever made these names may have died before it synced them.
                    if folder.is_relative_to(self._root):
                        sync_folder(folder)
                self._describe(described, adopted=adopted)
            finally:
                described.unlink(missing_ok=True)
            self._remove()
        return Published(uri_of(self._root, self._key), adopted)

    def discard(self) -> None:
        """Remove the part."""
        with self._calling():
            self._remove()

    def close(self) -> None:
        """Sync what can be gone on with and let go of it; remove what nobody can go on with."""
        with self._calling():
            if self._file.closed:
                return
            if not (self.held and self.tag and self._shared) or self._linked:
                self._remove()
                return
            try:
                self._sync()
                self._note(synced=self.held)
            finally:
                self._file.close()

    @contextmanager
    def _calling(self) -> Iterator[None]:
        with self._turn, as_storage_errors(self._root, self._key):
            yield

    def _left_behind(self) -> tuple[int, str | None]:
        note = read_note(self._path) if self._shared else None
        if note is None or note.mark != self._mark:
            return 0, None
        held = note.safe_bytes(os.fstat(self._file.fileno()).st_size)
        return held, note.tag if held else None

    def _note(self, synced: int = 0) -> None:
        noted = self._shared and self.tag
        write_note(self._path, Note(self._mark, self.tag or "", synced, boot_id()) if noted else None)

    def _sync(self) -> None:
        try:
            os.fsync(self._file.fileno())
        except OSError:
            # The system reports lost bytes once and then forgets them: this part cannot be trusted again.
            self._remove()
            raise

    def _link(self) -> bool:
        """Link the part under its key; True where the key was taken by another file."""
        _refuse_if_outside(self._target.parent, self._root)
        while True:
            make_folders(self._target.parent)
            try:
                os.link(self._path, self._target)
            except FileExistsError:
                return not self._is_target()
            except FileNotFoundError:
                if not self._path.exists():
                    raise
                continue  # a removal has just pruned the empty folder
            self._linked = True
            return False

    def _is_target(self) -> bool:
        taken = self._target.lstat()
        if not stat.S_ISREG(taken.st_mode):
            raise StorageUnavailable(f"{self._key}: the name is taken by something that is no file; remove it")
        return os.path.samestat(os.fstat(self._file.fileno()), taken)

    def _describe(self, described: Path, *, adopted: bool) -> None:
        name = self._target.with_name(self._target.name + MANIFEST)
        if not adopted:
            described.replace(name)
        # A manifest of ours tells nothing about another file that was there before.
        elif not name.exists() and filecmp.cmp(self._path, self._target, shallow=False):
            with suppress(FileExistsError):
                os.link(described, name)
        sync_folder(self._target.parent)

    def _remove(self) -> None:
        if self._file.closed:
            return
        try:
            write_note(self._path, None)
            self._path.unlink(missing_ok=True)
        finally:
            self._file.close()

    def _refuse_if_linked(self) -> None:
        if self._linked:
            raise ValueError("the part is published: open another draft")


def uri_of(root: Path, key: str) -> str:
    """The name by which a row knows the file of a key in the folder."""
    return f"{root.as_uri()}/{quote(key, safe='/=')}"


def _take(parts: Path, stem: str) -> tuple[Path, io.FileIO, bool]:
    path = parts / f"{stem}{PART}"
    try:
        return path, lock(path), True
    except BlockingIOError:
        path = parts / f"{stem}.{secrets.token_hex(4)}{PART}"
        return path, lock(path), False


def _write_at(descriptor: int, chunk: bytes, position: int) -> int:
    view = memoryview(chunk)
    while view:
        written = os.pwrite(descriptor, view, position)
        view, position = view[written:], position + written
    return position


def _refuse_if_outside(folder: Path, root: Path) -> None:
    if not folder.resolve().is_relative_to(root.resolve()):
        raise StorageUnavailable(f"{folder.relative_to(root)}: a link leads out of the store; remove it")
