"""Puts landfall.toml and the secrets that were typed on the disk, each whole or not at all."""

import os
import stat
import tempfile
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from cli.failures import CommandError
from cli.init.draft import AccountDraft, secret_file

_FOR_ALL, _FOR_OWNER, _FOLDER_FOR_OWNER = 0o644, 0o600, 0o700


def read_text(path: Path) -> str | None:
    """The settings file as it is, None where there is none. Raises CommandError where it cannot be added to."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            text = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CommandError(f"{path} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not UTF-8; save it as UTF-8.") from None
    _parse(text, f"{path} is not valid TOML: {{}}; mend it, or write a new one with --force.")
    return text


def with_tables(path: Path, text: str, tables: str) -> str:
    """The file's text with tables at its end. Raises CommandError where it would no longer be TOML."""
    ends = "\r\n" if "\r\n" in text else "\n"
    gap = "" if text.endswith("\n") or not text else ends
    added = text + gap + ends + tables.replace("\n", ends)
    _parse(added, f"{path} does not hold its accounts as [accounts.NAME] tables ({{}}); write them so, then try again.")
    return added


def write_settings(path: Path, text: str) -> None:
    """Write the settings file, with the rights that it had. Raises CommandError."""
    target = path.resolve()
    try:
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else _FOR_ALL
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(target, text, mode)
    except OSError as error:
        raise CommandError(
            f"{path} cannot be written ({error.strerror}); make room there, or its folder writable."
        ) from None


def write_secrets(folder: Path, account: AccountDraft) -> list[Path]:
    """Write what was typed into files that nobody else may read; returns them. Raises CommandError."""
    if not account.typed:
        return []
    try:
        folder.parent.mkdir(mode=_FOLDER_FOR_OWNER, parents=True, exist_ok=True)
        folder.mkdir(mode=_FOLDER_FOR_OWNER, exist_ok=True)
        folder.chmod(_FOLDER_FOR_OWNER)
        # A home lies in many a repository.
        _write(folder / ".gitignore", "*\n", _FOR_OWNER)
        for name, secret in account.typed.items():
            _write(secret_file(folder, account.name, name), f"{secret.get_secret_value()}\n", _FOR_OWNER)
    except OSError as error:
        raise CommandError(
            f"{folder} cannot be written to ({error.strerror}); make room there, or it writable."
        ) from None
    return [secret_file(folder, account.name, name) for name in account.typed]


def _write(path: Path, text: str, mode: int) -> None:
    descriptor, part = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(part).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(part).unlink()
        raise


def _parse(text: str, complaint: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CommandError(complaint.format(error)) from None
