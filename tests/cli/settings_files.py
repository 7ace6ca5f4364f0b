"""Reads what `landfall init` has written."""

import stat
import tomllib
from pathlib import Path
from typing import Any


def written(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "landfall.toml").read_text(encoding="utf-8"))


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
