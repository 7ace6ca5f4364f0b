"""Compares what Landfall stored with what the sandbox says it served."""

import hashlib
import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from cli.demo_setting import SLOTS
from cli.failures import CommandError
from landfall.sizes import size

_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Proof:
    """The verdict on each export, in words, and whether all is well."""

    lines: Sequence[str]
    most_started: int
    good: bool


def prove(exports: Sequence[Mapping[str, Any]], sandbox_url: str) -> Proof:
    """Ask the sandbox for its reports and compare. Raises CommandError where it does not answer."""
    reports = _told(sandbox_url, "/_sandbox/reports")
    most = max(_told(sandbox_url, "/_sandbox/stats")["most_started"].values(), default=0)
    served = {(report["sha256"], report["bytes"], report["rows"], report["vendor"]) for report in reports}
    verdicts = [_verdict(export, served) for export in exports]
    distinct = len({export["file"]["sha256"] for export in exports if export["file"]}) == len(exports)
    good = all(agrees for _, agrees in verdicts) and distinct and most <= SLOTS
    return Proof([line for line, _ in verdicts], most, good)


def csv_path(export: Mapping[str, Any]) -> Path:
    """Find the local file of a stored export."""
    return Path(unquote(urlsplit(export["file"]["uri"]).path))


def _told(sandbox_url: str, path: str) -> Any:  # noqa: ANN401 - JSON may be anything
    """What the sandbox says; it is no Landfall, which the client would ask for."""
    connection = http.client.HTTPConnection(urlsplit(sandbox_url).netloc, timeout=_PATIENCE_SECONDS)
    try:
        connection.request("GET", path)
        return json.load(connection.getresponse())
    except (OSError, http.client.HTTPException, ValueError):
        raise CommandError(f"the sandbox at {sandbox_url} does not answer; start `landfall demo` again.") from None
    finally:
        connection.close()


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
