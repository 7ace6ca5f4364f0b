"""Measures a row of the fault matrix from outside, and asserts the promise that all rows share."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx

from tests.faults.figures import Figures
from tests.faults.row import Row, store_of, wait
from tests.story.store_watch import artifacts_of, manifest


def assert_kept(
    row: Row, *, failed: Mapping[str, str] | None = None, injected: int = 1, seconds: float = 60.0
) -> Figures:
    """Wait for the end of all exports, then: none lost, none published twice or in part, never above 5 STARTED.

    Every slot is back, every file is what the vendor made for its export, at least `injected` faults were injected.
    `failed` are exports that were to end so, with their errors' codes.
    """
    figures = measure(row, failed=failed, seconds=seconds)
    if figures.broken():
        print(row.last_words())  # noqa: T201 - pytest shows it with the failure
    assert not figures.broken(), f"{'; '.join(figures.broken())} ({figures})"
    assert figures.injected >= injected, f"{figures.injected} of {injected} faults were injected"
    return figures


def measure(row: Row, *, failed: Mapping[str, str] | None = None, seconds: float = 60.0) -> Figures:
    """The row's figures, once all its exports are over or `seconds` have passed. They go into the table."""
    wait(row.is_over, seconds)
    wait(lambda: not _slots_held(row), seconds)
    exports = [row.stack.show(id_) for id_ in row.accepted]
    timelines = {id_: row.stack.events(id_) for id_ in row.accepted}
    ended_well = [export for export in exports if _ended_as_expected(export, failed or {})]
    row.figures = Figures(
        injected=row.all_injected,
        lost=len(exports) - len(ended_well),
        twice=sum(_published(row, export["id"], timelines) > 1 for export in exports),
        partial=sum(path.exists() and path.stat().st_size != size for path, size in row.sizes.items()),
        wrong_sums=_wrong_sums(row, [export for export in exports if export["state"] == "stored"]),
        most_started=max(row.stack.sandbox.stats()["most_started"].values(), default=0),
        slots_held=_slots_held(row),
        back_in=_longest_wait(row, timelines),
    )
    return row.figures


def _ended_as_expected(export: Mapping[str, Any], failed: Mapping[str, str]) -> bool:
    if export["id"] in failed:
        return (export["state"], (export["error"] or {}).get("code")) == ("failed", failed[export["id"]])
    return bool(export["state"] == "stored")


def _published(row: Row, export_id: str, timelines: Mapping[str, list[dict[str, Any]]]) -> int:
    """How often the export was published, by its timeline and by the files that bear its name."""
    told: int = sum(event["kind"] == "download" for event in timelines[export_id])
    return max(told, len(artifacts_of(store_of(row.stack.home), export_id)))


def _wrong_sums(row: Row, stored: list[dict[str, Any]]) -> int:
    """Files that are not, byte by byte, what the vendor made for this one export."""
    served: dict[str, dict[str, Any]] = {
        report["sha256"]: report for report in row.stack.sandbox.reports() if report["sha256"]
    }
    wrong = sum(not _is_served(row, export, served) for export in stored)
    reports = [export["file"] for export in stored if export["file"]["rows"] and export["id"] not in row.odd_files]
    used = Counter(file["sha256"] for file in reports)
    return wrong + sum(count - 1 for count in used.values())


def _is_served(row: Row, export: Mapping[str, Any], served: Mapping[str, Mapping[str, Any]]) -> bool:
    file = export["file"]
    sha256: str = file["sha256"]
    report = served.get(sha256)
    parts = urlsplit(file["uri"])
    if (odd := row.odd_files.get(export["id"])) is not None:
        return Path(unquote(parts.path)).read_bytes() == odd and (len(odd), _sum(odd)) == (file["bytes"], sha256)
    if report is None or (report["bytes"], report["rows"]) != (file["bytes"], file["rows"]):
        return False
    if parts.scheme != "file":
        return _sum(_fetched(row, export["id"])) == sha256
    path = Path(unquote(parts.path))
    with path.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    return digest == sha256 and digest == manifest(path)["sha256"]


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _fetched(row: Row, export_id: str) -> bytes:
    url = f"{row.stack.url}/v1/exports/{export_id}/file"
    return (
        httpx.get(url, headers=row.stack.credentials, trust_env=False, follow_redirects=True).raise_for_status().content
    )


def _slots_held(row: Row) -> int:
    items = row.stack.get("/v1/accounts").json().get("items", [])
    return sum(account["slots_used"] for account in items)


def _longest_wait(row: Row, timelines: Mapping[str, list[dict[str, Any]]]) -> float | None:
    """The longest time from a fault until an export that it met, or any at all, moved again."""
    met = row.victims or row.accepted
    moves = sorted(datetime.fromisoformat(event["at"]).timestamp() for id_ in met for event in timelines[id_])
    # A file's time and SQLite's are coarse: a move of the same few milliseconds may as well have come before.
    waits = [min((at - moment for at in moves if at > moment + 0.01), default=None) for moment in row.all_moments]
    return max((seconds for seconds in waits if seconds is not None), default=None)
