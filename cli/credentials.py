"""Finds the API key to send: what was typed, the environment, the home of the `landfall up` on this machine."""

import os
import re
from pathlib import Path

from cli.address import home_here, urls_here
from cli.failures import CommandError

KEY_FILE = "api-key"
_KEY = re.compile(r"[\x21-\x7e]+")


def find_key(url: str, typed: Path | None = None) -> str:
    """Choose the key, empty where there is none. Raises CommandError for a key file that was named and is of no use."""
    if typed:
        return _named(typed)
    if given := os.environ.get("LANDFALL_API_KEY", "").strip():
        if not _KEY.fullmatch(given):
            raise CommandError("LANDFALL_API_KEY holds no API key; set it to one, or unset it.")
        return given
    if path := os.environ.get("LANDFALL_API_KEY_FILE"):
        return _named(Path(path))
    # The home's key opens the API of this home: another is not to see it.
    return read_key(home_here() / KEY_FILE) if url in urls_here() else ""


def read_key(path: Path) -> str:
    """The key in the file, empty where there is none."""
    try:
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return key if _KEY.fullmatch(key) else ""


def _named(path: Path) -> str:
    key = read_key(path.expanduser())
    if not key:
        raise CommandError(f"the key file {path} is empty, missing or cannot be read; write an API key into it.")
    return key
