"""Looks into the store of a stack while its workers write to it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from landfall.storage.disk import PARTS
from landfall.storage.manifest import MANIFEST
from tests.stack import Stack


def parts(store: Path) -> list[Path]:
    """Every unfinished file."""
    return [path for path in (store / PARTS).glob("*") if path.is_file()]


def part_bytes(store: Path) -> int:
    """Bytes of the largest part."""
    sizes = []
    for path in (store / PARTS).glob("*.part"):
        try:
            sizes.append(path.stat().st_size)
        except FileNotFoundError:
            continue
    return max(sizes, default=0)


def artifacts(store: Path) -> list[Path]:
    """Every file that a reader of the store sees, manifests left out."""
    seen = (path for path in store.rglob("*.csv") if path.relative_to(store).parts[0] != PARTS)
    return sorted(path for path in seen if path.is_file())


def artifacts_of(store: Path, export_id: str) -> list[Path]:
    """Those of one export, as the default template names them."""
    return [path for path in artifacts(store) if export_id in path.name]


def manifest(artifact: Path) -> dict[str, Any]:
    """What the manifest beside a file says."""
    return dict(json.loads(artifact.with_name(artifact.name + MANIFEST).read_bytes()))


def stored(stack: Stack, export_id: str) -> tuple[dict[str, Any], Path]:
    """The export, once it is stored, and its file."""
    export = stack.wait_for(export_id, "stored", "failed")
    assert export["state"] == "stored", export["error"]
    return export, Path(unquote(urlsplit(export["file"]["uri"]).path))


@contextmanager
def first_sizes(store: Path, *, every: float = 0.005) -> Iterator[dict[Path, int]]:
    """Note, of each file that appears meanwhile, the size that it is first seen with."""
    sizes: dict[Path, int] = {}
    end = threading.Event()

    def look() -> None:
        while not end.wait(every):
            for path in artifacts(store):
                with suppress(FileNotFoundError):
                    sizes.setdefault(path, path.stat().st_size)

    watching = threading.Thread(target=look)
    watching.start()
    try:
        yield sizes
    finally:
        end.set()
        watching.join()
