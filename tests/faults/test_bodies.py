"""Rows 47 to 52: bodies that are cut, packed, replaced, odd, slow, spliced or without end."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from sandbox.csv_body import CsvBody
from sandbox.odd_bodies import ODD_BODIES, Csv
from tests.faults.memory import watched
from tests.faults.row import Row
from tests.faults.vendor_cases import accounts_of, assert_survived, break_it, codes, endings
from tests.stack import until
from tests.story.test_bad_bodies import EMPTY, MENDED, REFUSED, SILENT, TAKEN, Strike

Cases = Mapping[str, tuple[Strike, ...]]
CUT: Cases = {
    "too-short": MENDED["too_short"][0],
    "too-long": MENDED["too_long"][0],
    "dropped": (("download_dropped", {}),),
    "nothing": (("download_truncated", {"after_bytes": 0}),),
}
PACKED: Cases = {name: MENDED[name][0] for name in ("unframed", "gzip_cut", "gzip_members")}
NO_REPORT: Cases = {name: MENDED[name][0] for name in ("html", "xml_200", "json")}
BROKEN: Cases = {name: (strike,) for name, (strike, _) in REFUSED.items()}
SPLICED: Cases = {name: MENDED[name][0] for name in ("range_ignored", "other_etag", "range_refused")}
SLOW: Cases = {**{name: (strike,) for name, strike in SILENT.items()}, "first": (("slow_body", {"seconds": 1}),)}
AT_ONCE = {"LANDFALL_RETRY_BASE_SECONDS": "0.001"}
MEGABYTE = 1_000_000
CAP = 150 * MEGABYTE
FAR_TOO_MUCH = 20_000 * MEGABYTE
BOUNDLESS: Cases = {
    "announced": (("body_size", {"bytes": FAR_TOO_MUCH}),),
    "chunked": (("body_size", {"bytes": FAR_TOO_MUCH}), ("chunked_body", {"count": 100})),
    "bomb": (("odd_body", {"body": "gzip_bomb"}),),
    "bomb-ever": (("odd_body", {"body": "gzip_bomb", "count": 1000}),),
    "large": (("body_size", {"bytes": 100 * MEGABYTE}),),
}


def terms(names: Iterable[str], more: str = "") -> dict[str, Any]:
    of = accounts_of(names, more)
    return {"accounts": of["accounts"], "settings": of["settings"] | AT_ONCE}


def land(row: Row, cases: Cases) -> dict[str, str]:
    """An export for each name, on the account that its faults meet."""
    for name, strikes in cases.items():
        for fault, how in strikes:
            break_it(row, name, fault, **how)
    return {name: row.submit(account=name)[0] for name in cases}


def changed(name: str, fault: str, body: str | None) -> bytes:
    """What the host sends in place of the first report of this account."""
    report = CsvBody.of("USER_EVENTS", f"buy_with_prime:sandbox-{name}:0", seed=7, at_most=50_000)
    if fault == "empty_body":
        return b""
    if fault == "header_only" or body is None:
        return report.heading
    records = b"".join(report.pieces(len(report.heading), report.size))
    return ODD_BODIES[body](Csv(report.heading, records, report.etag)).content


@pytest.mark.faults(47, "bodies against their Content-Length", **terms(CUT))
def test_a_body_that_is_not_as_long_as_announced_is_fetched_again(row: Row) -> None:
    row.start_workers(2)
    land(row, CUT)
    assert_survived(row, injected=len(CUT))
    row.note(truncated_published=0)


@pytest.mark.faults(48, "cut at the close, cut gzip, two members", **terms(PACKED))
def test_what_other_clients_pass_silently_is_refused_or_fully_read(row: Row) -> None:
    row.start_workers(2)
    ids = land(row, PACKED)
    assert_survived(row, injected=len(PACKED))
    assert {name: codes(row, id_) for name, id_ in ids.items()} == {
        "unframed": {"transfer_broken"}, "gzip_cut": {"transfer_broken"}, "gzip_members": set(),
    }  # fmt: skip
    row.note(truncated_published=0)


@pytest.mark.faults(49, "HTML, XML, JSON, nothing, a header alone", **terms([*NO_REPORT, *EMPTY]))
def test_a_page_is_no_report_and_an_empty_report_is_one(row: Row) -> None:
    row.start_workers(2)
    ids = land(row, {**NO_REPORT, **{name: (strike,) for name, strike in EMPTY.items()}})
    row.odd_files |= {ids[name]: changed(name, fault, None) for name, (fault, _) in EMPTY.items()}
    assert_survived(row, injected=len(ids))
    files = {name: row.stack.show(id_)["file"] for name, id_ in ids.items()}
    assert {name: file["empty"] for name, file in files.items()} == {name: name in EMPTY for name in ids}
    assert {files[name]["rows"] for name in EMPTY} == {0}
    assert {name: codes(row, ids[name]) for name in NO_REPORT} == {name: {"transfer_broken"} for name in NO_REPORT}
    row.note(wrong_published=0)


@pytest.mark.faults(
    49, "odd but sound, and broken CSV", **terms([*TAKEN, *BROKEN, *("open_quote", "new_column_midway")])
)
def test_odd_csv_is_stored_as_it_came_and_broken_csv_is_not(row: Row) -> None:
    row.start_workers(2)
    mended = {name: MENDED[name][0] for name in ("open_quote", "new_column_midway")}
    ids = land(row, {**{name: (strike,) for name, strike in TAKEN.items()}, **BROKEN, **mended})
    row.odd_files |= {ids[name]: changed(name, fault, how["body"]) for name, (fault, how) in TAKEN.items()}
    failed = {ids[name]: code for name, (_, code) in REFUSED.items()}
    assert_survived(row, failed=failed, injected=len(ids))
    shown = {name: row.stack.show(ids[name])["file"]["rows"] for name in TAKEN}
    reports = {report["account"].removeprefix("sandbox-"): report["rows"] for report in row.stack.sandbox.reports()}
    assert shown == {name: reports[name] for name in TAKEN}
    row.note(wrong_published=0)


@pytest.mark.faults(50, "10 bytes a second, and none at all", **terms(SLOW))
def test_a_body_that_hardly_comes_is_given_up_within_a_minute_and_tried_again(row: Row) -> None:
    row.start_workers(2)
    land(row, SLOW)
    assert_survived(row, timed=False, injected=len(SLOW), seconds=150)
    waits = [seconds_between_downloads(row, f"sandbox-{name}") for name in SLOW]
    row.note(aborted_after=f"{max(waits):.0f} s")
    assert max(waits) <= 65


def seconds_between_downloads(row: Row, account: str) -> float:
    one, other = [call["time"] for call in row.calls() if (call["account"], call["operation"]) == (account, "download")]
    return float(other - one)


@pytest.mark.faults(51, "Range ignored, refused, of another file", **terms(SPLICED))
def test_a_rest_that_is_of_another_file_is_not_put_behind_the_first_part(row: Row) -> None:
    row.start_workers(2)
    land(row, SPLICED)
    assert_survived(row, injected=2 * len(SPLICED))
    row.note(sha256="equal")


@pytest.mark.faults(52, "20 GB, gzip bomb", **terms(BOUNDLESS, f"max_file_bytes = {CAP}"))
def test_no_body_takes_more_memory_than_the_cap_nor_more_disk_than_the_account_allows(row: Row) -> None:
    (worker,) = row.start_workers(1)
    row.stack.sandbox.fault("body_size", bytes=5 * MEGABYTE, account="sandbox-c1")
    row.submit()
    row.until_over()
    ids: dict[str, str] = {}
    with watched(worker.pid) as memory:
        for name, strikes in BOUNDLESS.items():
            ids |= land(row, {name: strikes})
            row.until_over()
    failed = {
        ids["announced"]: "download_refused", ids["chunked"]: "download_refused", ids["bomb-ever"]: "transfer_broken"
    }  # fmt: skip
    row.injected["20 GB"] = 2
    assert_survived(row, failed=failed, injected=4)
    sent = {report["account"]: report["bytes_sent"] for report in row.stack.sandbox.reports()}
    until(lambda: not list((row.stack.home / "files").rglob("*.part")), "no part left")
    assert endings(row, {"bomb": ids["bomb"], "large": ids["large"]}) == {"bomb": "stored", "large": "stored"}
    assert sent["sandbox-chunked"] < CAP + 64 * MEGABYTE
    row.note(rss=f"+{memory.more / MEGABYTE:.1f} MB", chunked=f"{sent['sandbox-chunked'] / MEGABYTE:.0f} MB sent")
    assert memory.more < 32 * MEGABYTE
