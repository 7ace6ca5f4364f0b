"""Reads files that list exports: JSON Lines or CSV."""

import csv
import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TextIO

from cli.failures import WrongInputError
from cli.fields import read_fields

_LABEL = "label."
_OF_THE_EXPORT = ("account", "deadline", "callback_url")

Placed = tuple[str, dict[str, Any]]


def read_submissions(path: str) -> list[Placed]:
    """Read FILE.csv, or JSON Lines from any other file (- for standard input): each export, and the line it stands in.

    Raises WrongInputError naming the file and the line.
    """
    read = _of_csv if path.lower().endswith(".csv") else _of_lines
    try:
        with nullcontext(sys.stdin) if path == "-" else Path(path).open(encoding="utf-8-sig", newline="") as file:
            found = list(read(path, file))
    except OSError as error:
        raise WrongInputError(f"{path}: it cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise WrongInputError(f"{path}: it is not UTF-8 text; save it as UTF-8.") from None
    if not found:
        raise WrongInputError(f"{path}: it lists no export.")
    return found


def _of_lines(path: str, file: Iterable[str]) -> Iterator[Placed]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            found = json.loads(line.rstrip())
        except ValueError as error:
            why = f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
            raise WrongInputError(f"{place}: it is not valid JSON ({why}).") from None
        if not isinstance(found, dict):
            raise WrongInputError(f'{place}: write an export as {{"account": …, "request": {{…}}}}.')
        yield place, found


def _of_csv(path: str, file: TextIO) -> Iterator[Placed]:
    names = next(file, "")
    rows = csv.DictReader(itertools.chain([names], file), restkey="", strict=True, delimiter=_separator(names))
    try:
        for row in rows:
            place = f"{path}, line {rows.line_num}"
            yield place, _submission(place, row)
    except csv.Error as error:
        raise WrongInputError(f"{path}, line {rows.line_num}: it is not valid CSV ({error}).") from None


def _separator(names: str) -> str:
    """What stands between cells: a comma, or what a spreadsheet writes where the comma is the decimal point."""
    return next((each for each in ",;\t" if each in names), ",")


def _submission(where: str, row: Mapping[str, Any]) -> dict[str, Any]:
    if "" in row:
        raise WrongInputError(f"{where}: it has a cell without a name; give each column one in the first line.")
    if None in row.values():
        raise WrongInputError(
            f"{where}: it has fewer cells than the first line; leave a cell empty, but write its comma."
        )
    given = {name.strip(): value for name, value in row.items() if value}
    found: dict[str, Any] = {name: given.pop(name) for name in _OF_THE_EXPORT if name in given}
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
