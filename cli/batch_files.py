"""Reads files that list exports: JSON Lines or CSV."""

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TextIO

from cli.failures import WrongInputError
from cli.fields import read_fields

_LABEL = "label."


def read_submissions(path: str, account: str | None) -> list[dict[str, Any]]:
    """Read FILE.csv, or JSON Lines from any other file (- for standard input); `account` is for those that name none.

    Raises WrongInputError naming the file and the line.
    """
    read = _of_csv if path.lower().endswith(".csv") else _of_lines
    try:
        with nullcontext(sys.stdin) if path == "-" else Path(path).open(encoding="utf-8-sig", newline="") as file:
            found = list(read(path, file))
    except OSError as error:
        raise WrongInputError(f"{path}: it cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise WrongInputError(f"{path}: it is not UTF-8 text.") from None
    if not found:
        raise WrongInputError(f"{path}: it lists no export.")
    return [({"account": account} if account else {}) | each for each in found]


def _of_lines(path: str, file: Iterable[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except ValueError as error:
            raise WrongInputError(f"{path}, line {number}: it is not valid JSON ({error}).") from None
        if not isinstance(found, dict):
            raise WrongInputError(f'{path}, line {number}: write an export as {{"account": …, "request": {{…}}}}.')
        yield found


def _of_csv(path: str, file: TextIO) -> Iterator[dict[str, Any]]:
    rows = csv.DictReader(file, restkey="", strict=True)
    try:
        for row in rows:
            yield _submission(f"{path}, line {rows.line_num}", row)
    except csv.Error as error:
        raise WrongInputError(f"{path}, line {rows.line_num}: it is not valid CSV ({error}).") from None


def _submission(where: str, row: Mapping[str, Any]) -> dict[str, Any]:
    if "" in row:
        raise WrongInputError(f"{where}: it has a cell without a name; give each column one in the first line.")
    given = {name.strip(): value for name, value in row.items() if value}
    found: dict[str, Any] = {name: given.pop(name) for name in ("account", "deadline") if name in given}
    if "priority" in given:
        found["priority"] = _number(where, given.pop("priority"))
    labels = {name: given.pop(name) for name in list(given) if name.startswith(_LABEL)}
    if labels:
        found["labels"] = {name.removeprefix(_LABEL): value for name, value in labels.items()}
    try:
        # A column `filters:` holds JSON, as the word filters:=… does.
        return found | {"request": read_fields(f"{name}={value}" for name, value in given.items())}
    except WrongInputError as error:
        raise WrongInputError(f"{where}: {error}") from None


def _number(where: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise WrongInputError(f"{where}: priority: {text!r} is no whole number.") from None
