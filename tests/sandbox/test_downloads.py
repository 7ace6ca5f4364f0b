"""Promises of the file host: presigned links, ranges, and CSV bodies of any size."""

import csv
import hashlib
import io
import re
from pathlib import Path

import psutil
import pytest

from tests.sandbox.conftest import Launch, Sandbox


def _records(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_a_link_works_until_its_life_ends_and_then_is_refused_as_s3_does(launch: Launch) -> None:
    sandbox = launch("--build-mean", "0", "--link-seconds-bwp", "1")
    url = sandbox.finished_link()
    while (answer := sandbox.http.get(url)).status_code == 200:
        pass
    assert answer.status_code == 403
    assert "<Code>AccessDenied</Code><Message>Request has expired</Message>" in answer.text
    assert sandbox.http.get(sandbox.link(sandbox.reports()[0]["id"])).status_code == 200


@pytest.mark.parametrize("part", ["X-Amz-Expires", "X-Amz-Date", "X-Amz-Signature", "X-Amz-Algorithm"])
def test_a_link_that_was_changed_is_refused(quick: Sandbox, part: str) -> None:
    url = quick.finished_link()
    assert part in url
    answer = quick.http.get(re.sub(f"{part}=[^&]*", f"{part}=1", url))
    assert (answer.status_code, "SignatureDoesNotMatch" in answer.text) == (403, True)


def test_a_link_is_for_its_own_file_and_for_get_alone(quick: Sandbox) -> None:
    one, other = quick.finished_link(), quick.finished_link()
    swapped = one.split("?")[0] + "?" + other.split("?")[1]
    assert quick.http.get(swapped).status_code == 403
    assert quick.http.head(one).status_code == 403


@pytest.mark.parametrize("report_type", ["orders", "order_line_items", "order_reconciliation"])
def test_the_witness_knows_bytes_rows_and_checksum_exactly(quick: Sandbox, report_type: str) -> None:
    answer = quick.http.get(quick.export(exportType=report_type).json()["url"])
    (report,) = quick.reports()
    assert answer.headers["content-length"] == str(len(answer.content)) == str(report["bytes"])
    assert hashlib.sha256(answer.content).hexdigest() == report["sha256"]
    header, *records = _records(answer.text)
    assert len(records) == report["rows"]
    assert {len(record) for record in records} == {len(header)}


@pytest.mark.parametrize("size", [0, 1, 200, 5_000, 262_144, 1_000_000])
def test_a_body_of_any_size_is_whole_records_and_never_larger_than_asked(quick: Sandbox, size: int) -> None:
    quick.fault("body_size", bytes=size)
    text = quick.http.get(quick.finished_link()).text
    (report,) = quick.reports()
    header, *records = _records(text)
    assert len(records) == report["rows"]
    assert all(len(record) == len(header) for record in records)
    assert len(text.encode()) == report["bytes"]
    assert max(size - 1000, 0) <= report["bytes"] <= max(size, 150)


def test_bodies_hold_what_breaks_naive_readers(quick: Sandbox) -> None:
    bodies = [quick.http.get(quick.finished_link()).content for _ in range(12)]
    cells = [cell for record in _records(bodies[0].decode()) for cell in record]
    for awkward in (",", '"', "\n", "ß", "🎁"):
        assert any(awkward in cell for cell in cells)
    assert {b"\r\n" in body for body in bodies} == {True, False}
    assert len(set(bodies)) == len(bodies)


def test_the_same_seed_gives_the_same_bodies(launch: Launch) -> None:
    sums = []
    for seed in ("1", "1", "2"):
        sandbox = launch("--build-mean", "0", "--seed", seed)
        sandbox.finished_link()
        sums.append(sandbox.reports()[0]["sha256"])
    assert sums[0] == sums[1] != sums[2]


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-99", slice(100)),
        ("bytes=500-", slice(500, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=9-9", slice(9, 10)),
    ],
)
def test_a_range_gives_that_part(quick: Sandbox, asked: str, part: slice) -> None:
    url = quick.finished_link()
    whole = quick.http.get(url)
    answer = quick.http.get(url, headers={"Range": asked, "If-Range": whole.headers["etag"]})
    assert (answer.status_code, answer.content) == (206, whole.content[part])
    start = range(len(whole.content))[part][0]
    end = start + len(answer.content) - 1
    assert answer.headers["content-range"] == f"bytes {start}-{end}/{len(whole.content)}"


def test_a_range_across_blocks_joins_to_the_whole(quick: Sandbox) -> None:
    quick.fault("body_size", bytes=900_000)
    url = quick.finished_link()
    whole, joined = quick.http.get(url).content, b""
    while len(joined) < len(whole):
        joined += quick.http.get(url, headers={"Range": f"bytes={len(joined)}-{len(joined) + 123_456}"}).content
    assert joined == whole


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=5-2"},
        {"Range": "lines=1-2"},
        {"Range": "bytes=0-1,4-5"},
        {"Range": "bytes=0-9", "If-Range": '"other"'},
        {"Range": "bytes=0-9", "If-Range": "W/{etag}"},
    ],
)
def test_a_range_that_does_not_hold_gives_the_whole_body(quick: Sandbox, headers: dict[str, str]) -> None:
    url = quick.finished_link()
    whole = quick.http.get(url)
    filled = {name: value.replace("{etag}", whole.headers["etag"]) for name, value in headers.items()}
    answer = quick.http.get(url, headers=filled)
    assert (answer.status_code, answer.content) == (200, whole.content)


def test_a_range_behind_the_end_is_416(quick: Sandbox) -> None:
    answer = quick.http.get(quick.finished_link(), headers={"Range": "bytes=999999999-"})
    assert answer.status_code == 416
    assert re.fullmatch(r"bytes \*/\d+", answer.headers["content-range"])


@pytest.mark.slow
def test_a_body_of_300_megabytes_is_streamed_in_bounded_memory(quick: Sandbox) -> None:
    quick.fault("body_size", bytes=300_000_000)
    url, process = quick.finished_link(), psutil.Process(quick.process.pid)
    before, most, size, digest = process.memory_info().rss, 0, 0, hashlib.sha256()
    with quick.http.stream("GET", url) as answer:
        for nth, chunk in enumerate(answer.iter_raw()):
            size += len(chunk)
            digest.update(chunk)
            if nth % 200 == 0:
                most = max(most, process.memory_info().rss)
    (report,) = quick.reports()
    assert (size, digest.hexdigest()) == (report["bytes"], report["sha256"])
    assert size > 299_000_000
    assert most - before < 32_000_000


def test_a_slow_reader_costs_no_memory(quick: Sandbox) -> None:
    quick.fault("body_size", bytes=300_000_000)
    url, process = quick.finished_link(), psutil.Process(quick.process.pid)
    before = process.memory_info().rss
    with quick.http.stream("GET", url) as answer:
        next(answer.iter_raw())
        quick.stats()
        assert process.memory_info().rss - before < 32_000_000


def test_a_file_that_nobody_signed_is_no_secret_path(quick: Sandbox, tmp_path: Path) -> None:
    assert quick.http.get(f"{quick.ready['url']}/files/{tmp_path.name}.csv").status_code == 403
