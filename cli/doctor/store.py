"""Checks the store of the files: that it takes and gives back, and has room."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cli.doctor.finding import Finding, Installation, error, ok, warning, wrong_setting
from landfall.exports.errors import ExportError
from landfall.settings import SettingsError
from landfall.sizes import size
from landfall.storage.disk import PARTS
from landfall.storage.store import Store, open_store

_COMFORT = 4
_CURE = "check that what LANDFALL_STORAGE_URL names exists and may be written to"


def look_at_store(installation: Installation) -> Iterator[Finding]:
    """Write, read back and remove a probe, then look at the room."""
    url = installation.settings.storage_url
    try:
        store = open_store(url, hasty=True)
        if there := _missing_below(url):
            if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
                yield error("store", f"{store.url} cannot be made in {there}", _CURE)
                return
            yield ok("store", f"{store.url} does not exist yet; `landfall up` makes it")
        else:
            with _without_a_trace(url):
                store.check()
            yield ok("store", f"{store.url} takes a file, gives it back and removes it")
        yield from _room(store, installation.settings.storage_reserve_bytes)
    except SettingsError as problem:
        yield wrong_setting("store", problem)
    except ExportError as problem:
        found, _, cure = str(problem).rstrip(".").partition("; ")
        yield error("store", found, cure or _CURE)


def _room(store: Store, reserve: int) -> Iterator[Finding]:
    free = store.free_bytes()
    if free is None:
        return
    found = f"{size(free)} free, downloads wait below {size(reserve)} (storage_reserve_bytes)"
    cure = "make room: `landfall prune` removes old files where the account's retention allows it"
    if free < reserve:
        yield error("room in the store", found, cure)
    elif free < _COMFORT * reserve:
        yield warning("room in the store", found, cure)
    else:
        yield ok("room in the store", found)


def _folder(url: str) -> Path | None:
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def _missing_below(url: str) -> Path | None:
    """Where a folder that is not there yet will be made; None for one that is there, and for a bucket."""
    folder = _folder(url)
    if folder is None or folder.exists():
        return None
    return next(path for path in folder.parents if path.exists())


@contextmanager
def _without_a_trace(url: str) -> Iterator[None]:
    """Remove the folder of parts again, if there was none."""
    folder = _folder(url)
    parts = folder / PARTS if folder and not (folder / PARTS).exists() else None
    yield
    if parts:
        with suppress(OSError):
            parts.rmdir()
