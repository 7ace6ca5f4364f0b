"""Compares what Landfall stored with what the sandbox says it served."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from cli.client import Api
from cli.demo_setting import SLOTS
from cli.words import size


@dataclass(frozen=True, slots=True)
class Proof:
    """The verdict on each export, in words, and whether all is well."""

    lines: Sequence[str]
    most_started: int
    good: bool


def prove(exports: Sequence[Mapping[str, Any]], sandbox: Api) -> Proof:
    """Ask the sandbox for its reports and compare. Raises CommandError where it does not answer."""
    reports = sandbox.get("/_sandbox/reports").body
    most = max(sandbox.get("/_sandbox/stats").body["most_started"].values(), default=0)
    served = {(report["sha256"], report["bytes"], report["rows"], report["vendor"]) for report in reports}
    verdicts = [_verdict(export, served) for export in exports]
    distinct = len({export["file"]["sha256"] for export in exports if export["file"]}) == len(exports)
    good = all(agrees for _, agrees in verdicts) and distinct and most <= SLOTS
    return Proof([line for line, _ in verdicts], most, good)


def csv_path(export: Mapping[str, Any]) -> Path:
    """Find the local file of a stored export."""
    return Path(unquote(urlsplit(export["file"]["uri"]).path))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _verdict(export: Mapping[str, Any], served: set[tuple[Any, ...]]) -> tuple[str, bool]:
    found, error = export["file"], export["error"]
    if not found:
        return f"{export['id']} is {export['state']}" + (f": {error['message']}" if error else ""), False
    agrees = (_sha256(csv_path(export)), found["bytes"], found["rows"], export["vendor"]) in served
    verdict = "agrees with the sandbox" if agrees else "DIFFERS from what the sandbox served"
    return (
        f"{csv_path(export)}\n    {found['rows']} rows, {size(found['bytes'])}, sha256 {found['sha256']}: {verdict}",
        agrees,
    )
