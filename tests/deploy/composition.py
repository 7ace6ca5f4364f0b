"""Reads docker-compose.yml as compose does, merges and variables filled in, and makes what it needs."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
EXAMPLE = ROOT / "deploy" / "compose" / "env.example"
_VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\})")


class MissingVariableError(Exception):
    """A variable that the file cannot do without is not set; the text is the file's own."""


def read(variables: Mapping[str, str]) -> dict[str, Any]:
    """The file, with these variables in the environment and nothing else."""
    return dict(_filled(raw(), variables))


def raw() -> dict[str, Any]:
    """The file with its variables as they are written."""
    return dict(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def example() -> dict[str, str]:
    """What env.example sets."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def variables_of(text: str) -> Iterator[tuple[str, str, str]]:
    """Name, kind (`-`: has a default, `?`: is needed, else empty) and default or complaint of each variable in a text."""
    for found in _VARIABLE.finditer(text):
        if not found["dollar"]:
            yield found["name"], found["kind"] or "", found["rest"] or ""


def texts(part: Any) -> Iterator[str]:
    """Every text in a part of the file."""
    if isinstance(part, Mapping):
        for value in part.values():
            yield from texts(value)
    elif isinstance(part, list):
        for value in part:
            yield from texts(value)
    elif isinstance(part, str):
        yield part


def set_up(folder: Path) -> Path:
    """Run deploy/compose/setup in a copy of the repository's folder, as after a clone; returns the folder of the secrets."""
    copied = folder / "deploy" / "compose"
    if not copied.exists():
        left_out = shutil.ignore_patterns("secrets", "landfall.toml")
        shutil.copytree(EXAMPLE.parent, copied, ignore=left_out)
    subprocess.run([copied / "setup"], check=True, stdout=subprocess.DEVNULL)
    return copied / "secrets"


def _filled(part: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(part, Mapping):
        return {name: _filled(value, variables) for name, value in part.items()}
    if isinstance(part, list):
        return [_filled(value, variables) for value in part]
    return _VARIABLE.sub(lambda found: _value(found, variables), part) if isinstance(part, str) else part


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    if found["dollar"]:
        return "$"
    value = variables.get(found["name"], "")
    if not value and found["kind"] == "?":
        raise MissingVariableError(found["rest"])
    return value or (found["rest"] or "" if found["kind"] == "-" else "")
