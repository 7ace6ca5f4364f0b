"""Locks the part of a file, keeps a note of what it holds beside it, and sweeps parts that nobody goes on with."""

import fcntl
import io
import json
import os
import time
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

PART = ".part"
NOTE = ".json"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Note:
    """What a part holds: `mark` names what was fetched, `tag` is its strong ETag, `synced` bytes are on the disk.

    `boot` names the run of the operating system that wrote it: until the next one, every byte written is still there.
    """

    mark: str
    tag: str
    synced: int
    boot: str | None

    def safe_bytes(self, size: int) -> int:
        """How much of a part of this size can be gone on from: after a power cut its unsynced end may hold anything."""
        return size if self.boot and self.boot == boot_id() else min(size, self.synced)


@cache
def boot_id() -> str | None:
    """The name of this run of the operating system, None where it has none."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return None


def read_note(part: Path) -> Note | None:
    """The note beside a part, None where there is no whole one."""
    try:
        match json.loads(part.with_suffix(NOTE).read_bytes()):
            case {"mark": str(mark), "tag": str(tag), "synced": int(synced), "boot": str() | None as boot}:
                return Note(mark, tag, synced, boot)
    except (FileNotFoundError, ValueError):
        pass
    return None


def write_note(part: Path, note: Note | None) -> None:
    """Put the note beside a part, at once and whole; None removes it. Only who holds the lock may."""
    path = part.with_suffix(NOTE)
    if note is None:
        path.unlink(missing_ok=True)
        return
    temporary = part.with_suffix(".tmp")
    temporary.write_text(json.dumps(asdict(note)), encoding="ascii")
    temporary.replace(path)


def lock(path: Path) -> io.FileIO:
    """Open a part, made where it is missing, for one draft alone. Raises BlockingIOError where another has it."""
    while True:
        file = io.FileIO(path, "r+", opener=_create)
        try:
            if _is_ours(file, path):
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _is_ours(file: io.FileIO, path: Path) -> bool:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if not _is_named(file, path):  # another draft has removed it meanwhile
        return False
    if os.fstat(file.fileno()).st_nlink > 1:
        # Its publisher died before it removed the part: this is the artifact itself, never to be written again.
        path.unlink()
        return False
    return True


def sweep(folder: Path, older_than: float) -> int:
    """Remove what has not been written for so many seconds and nobody has locked; returns how many parts."""
    before = time.time() - older_than
    paths = [path for path in folder.iterdir() if path.is_file() and not path.is_symlink()] if folder.exists() else []
    removed = sum(_sweep_part(path, before) for path in paths if path.suffix != NOTE)
    alone = [path for path in paths if path.suffix == NOTE and not path.with_suffix(PART).exists()]
    return removed + sum(_sweep_note(path, before) for path in alone)


def _sweep_part(path: Path, before: float) -> bool:
    try:
        with io.FileIO(path, "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file.fileno()).st_mtime > before or not _is_named(file, path):
                return False
            if path.suffix == PART:
                write_note(path, None)
            path.unlink()
            return True
    except (BlockingIOError, FileNotFoundError):
        return False


def _sweep_note(path: Path, before: float) -> bool:
    try:
        if path.stat().st_mtime > before:
            return False
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def _is_named(file: io.FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except FileNotFoundError:
        return False


def _create(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o666)
