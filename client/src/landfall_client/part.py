"""Keeps a file that is on its way in a hidden part beside its target, to be resumed after an interruption."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import stat
from functools import partial
from pathlib import Path
from typing import Self

from landfall_client.effects import Flow, Work
from landfall_client.errors import FileNotSaved

_READ_BYTES = 1 << 20


class Part:
    """What came so far of the file with this SHA-256; a context manager that keeps it unless it is put in place."""

    def __init__(self, target: Path, sha256: str) -> None:
        """Open nothing yet."""
        # Not the target's name: that may be as long as any. The checksum keeps parts of different files apart.
        name = hashlib.sha256(f"{target.name}\0{sha256}".encode()).hexdigest()[:32]
        self.path = target.with_name(f".landfall-{name}.part")
        self.held = 0
        self._target = target
        self._digest = hashlib.sha256()
        self._descriptor = -1

    def __enter__(self) -> Self:
        """Take up what was left there. Raises FileNotSaved where somebody else is at work on it, or OSError."""
        while self._descriptor < 0:
            self._descriptor = self._open()
        while piece := os.read(self._descriptor, _READ_BYTES):
            self._digest.update(piece)
            self.held += len(piece)
        return self

    def __exit__(self, *_: object) -> None:
        """Let go; a part that holds nothing is removed."""
        if self._descriptor < 0:
            return
        if not self.held:
            self.discard()
        os.close(self._descriptor)
        self._descriptor = -1

    @property
    def sha256(self) -> str:
        """The digest of what is held, in hexadecimal."""
        return self._digest.hexdigest()

    def take(self, piece: bytes) -> Flow[None]:
        """Append, where writing may block."""
        yield Work(partial(self.write, piece))

    def write(self, piece: bytes) -> None:
        """Append."""
        view = memoryview(piece)
        while view:
            written = os.write(self._descriptor, view)
            self._digest.update(view[:written])
            self.held += written
            view = view[written:]

    def restart(self) -> None:
        """Drop what is held."""
        os.ftruncate(self._descriptor, 0)
        self.held, self._digest = 0, hashlib.sha256()

    def discard(self) -> None:
        """Remove the part."""
        self.path.unlink(missing_ok=True)

    def put_in_place(self, *, replace: bool) -> None:
        """Give the synced file the target's name; a file that is there goes only if it may be replaced."""
        os.fsync(self._descriptor)
        if replace:
            if self._target.exists():
                shutil.copymode(self._target, self.path)  # a file that only its owner reads stays one
            self.path.replace(self._target)
        else:
            self._target.hardlink_to(self.path)
            self.discard()
        _sync_folder(self._target.parent)

    def _open(self) -> int:
        """Open and lock the part, -1 where it was put in place meanwhile."""
        descriptor = self._found_or_made()
        if descriptor < 0:
            return -1
        with contextlib.ExitStack() as stack:
            stack.callback(os.close, descriptor)
            self._lock(descriptor)
            with contextlib.suppress(FileNotFoundError):
                if self.path.stat().st_ino == os.fstat(descriptor).st_ino:
                    stack.pop_all()
                    return descriptor
        return -1

    def _found_or_made(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        with contextlib.suppress(FileExistsError):
            return os.open(self.path, flags | os.O_CREAT | os.O_EXCL, 0o666)
        with contextlib.suppress(FileNotFoundError):
            found = self.path.lstat()
            # In a folder that everybody writes to, somebody may have laid it there to own what we fetch.
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
                raise FileNotSaved(f"{self.path} is not a file of yours; remove it or name another target.")
            return os.open(self.path, flags)
        return -1

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileNotSaved(
                f"somebody else is writing {self._target}; wait for that or name another target."
            ) from None
        except OSError:
            pass  # a file system without locks: the checksum tells where two were at work


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
