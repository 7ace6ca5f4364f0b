"""Saves a stored file under a name: whole and proven, or not at all."""

import os
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path

from landfall_client.downloading import Wanted, bring
from landfall_client.effects import Flow, Work
from landfall_client.errors import FileDiffers, FileNotSaved
from landfall_client.part import Part

Progress = Callable[[int, int], object]


def save(
    wanted: Wanted, path: str | os.PathLike[str] | None, progress: Progress | None, *, replace: bool
) -> Flow[Path]:
    """Bring the file, from where an earlier call was interrupted, and put it in place.

    Raises FileNotSaved, FileExistsError where it may not be replaced, and what `bring` raises.
    """
    target: Path = yield Work(partial(_target, wanted, path, replace=replace))
    part, total = Part(target, wanted.file.sha256), wanted.file.bytes
    try:
        yield Work(part.__enter__)
        if progress:
            progress(part.held, total)
        yield from bring(wanted, part, lambda _: progress(part.held, total) if progress else None)
        yield Work(partial(part.put_in_place, replace=replace))
    except FileDiffers:
        part.restart()
        raise
    except FileExistsError:
        raise _taken(target) from None
    except OSError as error:
        raise FileNotSaved(
            f"{target} cannot be written ({error.strerror}); make room or name another target."
        ) from None
    finally:
        part.__exit__()
    return target


def _target(wanted: Wanted, path: str | os.PathLike[str] | None, *, replace: bool) -> Path:
    """Find the file to write: in a folder under the export's name; a link's target stands for the link."""
    name = wanted.export_id + wanted.file.suffix
    named = Path(path or name).expanduser()
    try:
        named = named / name if named.is_dir() else named
        if named.is_symlink() and not named.exists():
            raise FileNotSaved(f"{named} is a link that leads nowhere; remove it or name another target.")
        target = named.resolve() if named.is_symlink() else named
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            raise FileNotSaved(f"{target} is no regular file, and is never replaced; name another target.")
        if target.exists() and not replace:
            raise _taken(target)
    except FileExistsError:
        raise
    except OSError as error:
        raise FileNotSaved(f"{named} cannot be written ({error.strerror}); name another target.") from None
    return target


def _taken(target: Path) -> FileExistsError:
    return FileExistsError(f"{target} is there already; name another target, or let it be replaced.")
