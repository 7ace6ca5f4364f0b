"""Reads lock files."""

import re
from collections.abc import Iterator
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.stack import ROOT

FOLDER = ROOT / "requirements"
RUN, BUILD, DEV = (FOLDER / f"{name}.txt" for name in ("run", "build", "dev"))


def pins(lock: Path) -> Iterator[tuple[Requirement, list[str]]]:
    """What a lock pins, and the hashes by which it may be had."""
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            words, *hashes = re.split(r"\s+--hash=", line.strip())
            yield Requirement(words), hashes


def versions(lock: Path) -> dict[str, set[str]]:
    """The versions of each package; more than one where Python's version or the platform decides."""
    found: dict[str, set[str]] = {}
    for pin, _ in pins(lock):
        found.setdefault(canonicalize_name(pin.name), set()).add(str(pin.specifier).removeprefix("=="))
    return found


def needed_here(need: Requirement, extra: str = "") -> bool:
    """Whether a need holds for this Python and platform, with an extra or without."""
    marker: Marker | None = need.marker
    return marker is None or marker.evaluate({"extra": extra})
