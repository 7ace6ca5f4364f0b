"""Checks the file of an export as HTTP clients ask for it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.responses import StreamingResponse

from api.stored_files import answer as answer_with
from api.stored_files import look_up
from landfall.database import artifacts
from landfall.exports.job import ExportJob
from landfall.storage.disk import DiskStore
from tests.exports.jobs import make_job
from tests.planted_files import CONTENT, file_of, plant, transaction
from tests.stack import Stack

ETAG = f'"{hashlib.sha256(CONTENT).hexdigest()}"'
SIZE = len(CONTENT)


def path(job: ExportJob) -> str:
    return f"/v1/exports/{job.id}/file"


@pytest.fixture(scope="module")
def stored(api: Stack) -> ExportJob:
    return plant(api.home, "exp_stored")


def test_the_whole_file_comes_with_its_checksum_as_etag(api: Stack, stored: ExportJob) -> None:
    answer = api.get(path(stored))
    assert answer.status_code == 200
    assert answer.content == CONTENT
    assert answer.headers["etag"] == ETAG
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-length"] == str(SIZE)
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="exp_stored.csv"'


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=2-4", 2, 4),
        ("bytes=5-", 5, SIZE - 1),
        ("bytes=-3", SIZE - 3, SIZE - 1),
        ("bytes=-9999", 0, SIZE - 1),
        ("bytes=5-9999", 5, SIZE - 1),
        ("Bytes=2-4", 2, 4),
    ],
)
def test_a_range_is_answered_with_its_bytes(api: Stack, stored: ExportJob, asked: str, first: int, last: int) -> None:
    answer = api.get(path(stored), headers={"range": asked})
    assert answer.status_code == 206
    assert answer.content == CONTENT[first : last + 1]
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer.headers["content-length"] == str(last - first + 1)
    assert answer.headers["etag"] == ETAG


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", "bytes=9999-99999", "bytes=-0"])
def test_a_range_that_the_file_does_not_have_is_refused_with_its_size(
    api: Stack, stored: ExportJob, asked: str
) -> None:
    answer = api.get(path(stored), headers={"range": asked})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{SIZE}")


@pytest.mark.parametrize(
    "asked",
    ["rows=1-2", "bytes=5-2", "bytes=a-b", "bytes=-", "bytes", "", "bytes=0-1,3-4", f"bytes={'9' * 5000}-", "bytes=²-"],
)
def test_a_range_that_is_none_is_ignored(api: Stack, stored: ExportJob, asked: str) -> None:
    answer = api.get(path(stored), headers={"range": asked.encode("latin-1")})
    assert (answer.status_code, answer.content) == (200, CONTENT)


@pytest.mark.parametrize(("validator", "status"), [(ETAG, 206), (f"W/{ETAG}", 200), ('"another"', 200)])
def test_a_range_of_another_file_is_answered_with_the_whole(
    api: Stack, stored: ExportJob, validator: str, status: int
) -> None:
    answer = api.get(path(stored), headers={"range": "bytes=3-", "if-range": validator})
    assert answer.status_code == status
    assert answer.content == (CONTENT[3:] if status == 206 else CONTENT)


@pytest.mark.parametrize("known", [ETAG, f"W/{ETAG}", f'"another", {ETAG}', "*"])
def test_a_file_that_the_client_has_is_not_sent_again(api: Stack, stored: ExportJob, known: str) -> None:
    answer = api.get(path(stored), headers={"if-none-match": known, "range": "bytes=3-"})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", ETAG)


def test_a_file_that_the_client_does_not_have_is_sent(api: Stack, stored: ExportJob) -> None:
    assert api.get(path(stored), headers={"if-none-match": '"another"'}).content == CONTENT


def test_head_tells_of_the_whole_file_and_sends_none_of_it(api: Stack, stored: ExportJob) -> None:
    answer = api.call("HEAD", path(stored), headers={"range": "bytes=3-"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(SIZE)
    assert answer.headers["etag"] == ETAG


def test_an_empty_file_is_a_file(api: Stack) -> None:
    answer = api.get(path(plant(api.home, "exp_empty", b"")))
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")


def test_an_export_that_ended_without_a_file_is_a_conflict_that_names_the_state(api: Stack) -> None:
    job = plant(api.home, "exp_other")
    with transaction(api.home) as connection:
        connection.exec_driver_sql("UPDATE exports SET state='failed', file_uri=NULL WHERE id='exp_other'")
    answer = api.get(path(job))
    assert answer.status_code == 409
    assert "the export is failed" in answer.json()["detail"]


def test_a_file_that_is_gone_from_the_store_is_gone(api: Stack) -> None:
    job = plant(api.home, "exp_gone")
    file_of(job).unlink()
    answer = api.get(path(job), headers={"if-none-match": ETAG})
    assert answer.status_code == 410
    assert "is no longer in the store; submit the export again" in answer.json()["detail"]


def test_a_file_that_retention_removed_is_gone_and_the_answer_says_so(api: Stack) -> None:
    job = plant(api.home, "exp_pruned")
    with transaction(api.home) as connection:
        assert artifacts.mark_removed(connection, job.id, "retention: older than 90 days")
    answer = api.get(path(job))
    assert answer.status_code == 410
    assert "the file was removed by retention on 20" in answer.json()["detail"]


def test_a_file_of_another_size_than_was_published_is_not_passed_off_as_it(api: Stack) -> None:
    job = plant(api.home, "exp_cut")
    file_of(job).write_bytes(CONTENT[:-1])
    answer = api.get(path(job))
    assert answer.status_code == 500
    assert f"has {SIZE - 1} bytes, {SIZE} were published; `landfall verify` tells more" in answer.json()["detail"]


class Linkless(DiskStore):
    """A folder that says of itself what an object store without signing credentials says: no path, no link."""

    def local_path(self, uri: str) -> None:  # noqa: ARG002 - the signature is the protocol's
        return None

    def stat(self, uri: str) -> int | None:
        return DiskStore(self.root).stat(uri)

    def open(self, uri: str) -> Iterator[bytes]:
        return DiskStore(self.root).open(uri)

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.root = root


def test_a_file_that_no_link_can_be_given_for_streams_through_the_api(api: Stack, stored: ExportJob) -> None:
    assert stored.artifact
    store = Linkless(api.home / "files")
    place = look_up(store, stored.artifact, read=True)
    answer = answer_with(stored, place, {"etag": ETAG})
    assert isinstance(answer, StreamingResponse)
    assert answer.headers["content-length"] == str(SIZE)
    assert b"".join(place.chunks or ()) == CONTENT
    head = answer_with(stored, look_up(store, stored.artifact, read=False), {"etag": ETAG})
    assert (head.body, head.headers["content-length"]) == (b"", str(SIZE))


def test_an_unknown_export_has_no_file(api: Stack) -> None:
    answer = api.get(path(make_job(id="exp_none")))
    assert (answer.status_code, answer.json()["detail"]) == (404, "there is no export 'exp_none'")
