"""Checks that a manifest says what its file is, always in the same bytes, and is read back as it was written."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall import __version__
from landfall.storage.manifest import manifest, read_manifest
from tests.exports.jobs import NOON, make_job


@dataclass(frozen=True)
class Found:
    bytes: int = 24
    rows: int = 2
    sha256: str = "ab" * 32
    columns: tuple[str, ...] = ("id", "näme")
    header_hash: str | None = "cd" * 32


REQUEST = {"report_type": "USER_EVENTS", "start": "2026-01-01T00:00:00Z", "end": "2026-01-31T00:00:00Z"}
JOB = make_job(
    request=REQUEST, report_id="task-1", generation=2, started_at=NOON, polled_at=NOON + timedelta(minutes=5)
)


def written(**changes: Any) -> dict[str, Any]:
    text = manifest(JOB, Found(), published_at=NOON + timedelta(minutes=7), built_at=NOON + timedelta(minutes=6))
    return {**json.loads(text), **changes}


def test_a_manifest_tells_everything_that_was_asked_and_found() -> None:
    assert written() == {
        "manifest_version": 1,
        "landfall_version": __version__,
        "export_id": "exp_1",
        "vendor": "buy_with_prime",
        "account": "shop-bwp",
        "report_type": "USER_EVENTS",
        "request": REQUEST,
        "window": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-31T00:00:00Z"},
        "report_id": "task-1",
        "generation": 2,
        "created_at": "2026-01-31T12:00:00Z",
        "started_at": "2026-01-31T12:00:00Z",
        "polled_at": "2026-01-31T12:05:00Z",
        "built_at": "2026-01-31T12:06:00Z",
        "published_at": "2026-01-31T12:07:00Z",
        "bytes": 24,
        "rows": 2,
        "sha256": "ab" * 32,
        "columns": ["id", "näme"],
        "header_hash": "cd" * 32,
        "encoding": "identity",
        "extra": {},
    }


def test_the_same_facts_make_the_same_bytes() -> None:
    turned = make_job(request=dict(reversed(REQUEST.items())))
    straight = make_job(request=REQUEST)
    elsewhere = NOON.astimezone(timezone(timedelta(hours=9)))
    text = manifest(straight, Found(), published_at=NOON, extra={"b": 1, "a": 2})
    assert manifest(turned, Found(), published_at=elsewhere, extra={"a": 2, "b": 1}) == text
    assert text.isascii()
    assert text.endswith(b"}\n")
    assert list(json.loads(text)) == sorted(json.loads(text))


def test_an_open_request_has_no_window() -> None:
    text = manifest(make_job(), Found(), published_at=NOON)
    assert read_manifest(text).window == {}


@given(
    columns=st.lists(st.text(), max_size=3).map(tuple),
    rows=st.integers(0, 2**53),
    moment=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.timezones()),  # noqa: DTZ001 - hypothesis adds the zone
    encoding=st.sampled_from(["identity", "gzip", "zstd"]),
)
def test_a_manifest_is_read_as_it_was_written(
    columns: tuple[str, ...], rows: int, moment: datetime, encoding: str
) -> None:
    found = Found(rows=rows, columns=columns, header_hash=None)
    read = read_manifest(manifest(JOB, found, published_at=moment, encoding=encoding, extra={"a": [1]}))
    assert (read.rows, read.columns, read.header_hash, read.encoding) == (rows, columns, None, encoding)
    assert (read.export_id, read.bytes, read.sha256, read.extra) == ("exp_1", 24, "ab" * 32, {"a": [1]})
    assert read.published_at == moment.astimezone(UTC)


def test_what_a_later_release_adds_is_passed_over() -> None:
    assert read_manifest(json.dumps(written(weather="fine")).encode()).export_id == "exp_1"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"export_id": "exp_1"}',
        manifest(JOB, Found(), published_at=NOON)[:-9],
        *(
            json.dumps(written(**change)).encode()
            for change in (
                {"manifest_version": 2},
                {"manifest_version": None},
                {"bytes": "24"},
                {"bytes": -1},
                {"rows": True},
                {"rows": 1.0},
                {"sha256": "short"},
                {"sha256": "ab" * 32 + "\n"},
                {"columns": "id"},
                {"created_at": "2026-01-31T12:00:00"},
                {"published_at": None},
            )
        ),
    ],
)
def test_anything_else_is_refused_in_one_sentence(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"^this is no manifest of Landfall \([^\n]+\)$"):
        read_manifest(text)
