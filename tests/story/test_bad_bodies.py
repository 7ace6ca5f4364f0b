"""Lets the download host send every bad body that is known: nothing wrong is published, and what can be mended is."""

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.cli.running import until
from tests.stack import Stack, run_stack
from tests.story.store_watch import artifacts, manifest, parts
from tests.vendors.sandbox_process import Sandbox

EVER = 1000
Strike = tuple[str, dict[str, Any]]


def odd(body: str, count: int = 1) -> Strike:
    return "odd_body", {"body": body, "count": count}


# Large enough that the worker holds some of it when the rest does not come.
CUT: tuple[Strike, ...] = (("body_size", {"bytes": 3_000_000}), ("download_truncated", {"after_bytes": 2_000_000}))
# What the host does wrong once or twice, and the code of the error on the way to the report as it is; None where it
# is mended within the same attempt.
MENDED: dict[str, tuple[tuple[Strike, ...], str | None]] = {
    "too_short": (CUT, None),
    "too_long": ((odd("too_long"),), "transfer_broken"),
    "unframed": ((odd("unframed"),), "transfer_broken"),
    "gzip_cut": ((odd("gzip_cut"),), "transfer_broken"),
    "gzip_bomb": ((odd("gzip_bomb"),), "transfer_broken"),
    "gzip_members": ((odd("gzip_members", EVER),), None),
    "html": ((("html_page", {}),), "transfer_broken"),
    "xml_200": ((odd("xml_error"),), "transfer_broken"),
    "xml_403": ((("link_expired", {}),), None),
    "json": ((odd("json_error"),), "transfer_broken"),
    "open_quote": ((odd("open_quote"),), "proof_failed"),
    "new_column_midway": ((odd("new_column_midway"),), "proof_failed"),
    "range_ignored": ((*CUT, odd("range_ignored")), None),
    "other_etag": ((*CUT, odd("other_etag")), None),
    "range_refused": ((*CUT, odd("range_refused")), None),
}
# What the host does wrong for ever, one of each kind, and the code of the error that the export fails with.
REFUSED: dict[str, tuple[Strike, str]] = {
    "too_long_ever": (odd("too_long", EVER), "transfer_broken"),
    "html_ever": (("html_page", {"count": EVER}), "transfer_broken"),
    "open_quote_ever": (odd("open_quote", EVER), "proof_failed"),
    "too_many_fields_ever": (odd("too_many_fields", EVER), "proof_failed"),
    "too_few_fields_ever": (odd("too_few_fields", EVER), "proof_failed"),
}
# What is odd and sound: it is stored as it came, with the report's records.
TAKEN: dict[str, Strike] = {
    "bom": odd("bom"),
    "mixed_newlines": odd("mixed_newlines"),
    "no_last_newline": odd("no_last_newline"),
    "nul_bytes": odd("nul_bytes"),
    "latin_1": odd("latin_1"),
    "new_column": odd("new_column"),
}
EMPTY: dict[str, Strike] = {"empty": ("empty_body", {}), "header_only": ("header_only", {})}
NAMES = [*MENDED, *REFUSED, *TAKEN, *EMPTY]
SILENT: dict[str, Strike] = {
    "stall": ("slow_body", {"after_bytes": 30_000, "seconds": 600}),
    "drip": ("slow_body", {"after_bytes": 30_000, "seconds": 1}),
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Stack]:
    """A home with an account for each body, so that each fault meets the export that it is for."""
    folder = tmp_path_factory.mktemp("bodies")
    tables = [_table(folder, name, sandbox) for name in (*NAMES, *SILENT)]
    with run_stack(folder / "home", sandbox, "".join(tables)) as stack:
        stack.start_api()
        yield stack


def _table(folder: Path, name: str, sandbox: Sandbox) -> str:
    secret = folder / f"secret-of-{name}"
    secret.write_text(f"{_client(name)}-secret", encoding="utf-8")
    return f"""
[accounts.{name}]
vendor = "buy_with_prime"
client_id = "{_client(name)}"
client_secret = {{ file = "{secret}" }}
target_id = "target"
base_url = "{sandbox.buy_with_prime}"
"""


def _client(name: str) -> str:
    return f"sandbox-{name}"


@dataclass(frozen=True)
class Landed:
    """What came of the exports of all bodies, by the body's name, and what the sandbox knows of each report."""

    exports: dict[str, dict[str, Any]]
    reports: dict[str, dict[str, Any]]

    def file(self, name: str) -> Path:
        return Path(urlsplit(self.exports[name]["file"]["uri"]).path)


def land(stack: Stack, strikes: dict[str, tuple[Strike, ...]], seconds: float = 60) -> Landed:
    """Land one export for each name, all at once, under its faults."""
    for name, faults in strikes.items():
        for fault, how in faults:
            stack.sandbox.fault(fault, account=_client(name), **how)
    ids = {name: stack.submit(name) for name in strikes}
    stack.start("worker", LANDFALL_RETRY_BASE_SECONDS="0.001")
    exports = {name: _ended(stack, id_, seconds) for name, id_ in ids.items()}
    return Landed(exports, {report["account"].removeprefix("sandbox-"): report for report in stack.sandbox.reports()})


def _ended(stack: Stack, id_: str, seconds: float) -> dict[str, Any]:
    until(lambda: stack.show(id_)["state"] in {"stored", "failed"}, f"{id_} ended", seconds)
    return stack.show(id_)


def test_every_bad_body_comes_to_its_right_end(stack: Stack) -> None:
    refused = {name: (strike,) for name, (strike, _) in REFUSED.items()}
    alone = {name: (strike,) for name, strike in (TAKEN | EMPTY).items()}
    landed = land(stack, {name: strikes for name, (strikes, _) in MENDED.items()} | refused | alone)
    store = stack.home / "files"
    stored = [*MENDED, *TAKEN, *EMPTY]
    assert {name: _ending(landed.exports[name]) for name in NAMES} == {
        **{name: code for name, (_, code) in REFUSED.items()},
        **dict.fromkeys(stored, "stored"),
    }
    assert artifacts(store) == sorted(landed.file(name) for name in stored)
    assert [path.name for path in parts(store)] == []
    for name in stored:
        _check_file(landed, name)
    assert {name for name in MENDED if _sum(landed, name) != landed.reports[name]["sha256"]} == set()
    rows = {name: landed.exports[name]["file"]["rows"] for name in stored}
    assert rows == {name: 0 if name in EMPTY else landed.reports[name]["rows"] for name in stored}
    assert {name for name in stored if landed.exports[name]["file"]["empty"]} == set(EMPTY)
    assert {name: _code_on_the_way(stack, landed, name) for name in MENDED} == {
        name: code for name, (_, code) in MENDED.items()
    }
    assert {name for name in MENDED if landed.reports[name]["downloads"] < 2} == {"gzip_members"}
    assert {landed.exports[name]["attempts"] for name in REFUSED} == {18}
    assert len(landed.reports) == len(NAMES)


def _ending(export: dict[str, Any]) -> str:
    return str(export["error"]["code"] if export["state"] == "failed" else export["state"])


def _code_on_the_way(stack: Stack, landed: Landed, name: str) -> str | None:
    """The one error in the export's timeline, None where there is none."""
    events = stack.events(landed.exports[name]["id"])
    codes = {event["error"]["code"] for event in events if event["step"] == "download" and event["error"]}
    assert len(codes) <= 1
    return next(iter(codes), None)


def _sum(landed: Landed, name: str) -> str:
    return hashlib.sha256(landed.file(name).read_bytes()).hexdigest()


def _check_file(landed: Landed, name: str) -> None:
    """The file on disk is the one that its row and its manifest tell of."""
    told, content = landed.exports[name]["file"], landed.file(name).read_bytes()
    about = manifest(landed.file(name))
    assert (told["sha256"], told["bytes"]) == (_sum(landed, name), len(content))
    assert (about["sha256"], about["bytes"], about["rows"]) == (told["sha256"], told["bytes"], told["rows"])
    header = next(csv.reader(io.StringIO(content.decode("latin-1").removeprefix("\xef\xbb\xbf"), newline="")), [])
    assert told["columns"] == about["columns"] == header


@pytest.mark.slow
def test_bodies_that_hardly_come_are_given_up_and_go_on_from_where_they_were(stack: Stack) -> None:
    landed = land(stack, {name: (strike,) for name, strike in SILENT.items()}, seconds=200)
    for name in SILENT:
        assert landed.exports[name]["state"] == "stored"
        assert _sum(landed, name) == landed.reports[name]["sha256"]
        assert (landed.reports[name]["downloads"], landed.reports[name]["whole_downloads"]) == (2, 0)
    assert parts(stack.home / "files") == []
