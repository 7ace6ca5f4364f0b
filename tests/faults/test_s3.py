"""Rows 57, 58 and 59: a file that lands in a real S3 service behind a proxy that misbehaves, or whose worker dies."""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from landfall.storage.manifest import MANIFEST
from landfall.storage.s3_uploads import Upload, uploads_of_environment
from landfall.storage.store import open_store
from tests.faults.figures import Figures
from tests.faults.promise import assert_kept
from tests.faults.row import Row
from tests.services.proxy import Answer, Cut, Fault, Proxy, Stall, running_proxy
from tests.services.swift import KEY_ID, SECRET, Swift, missing, running_swift
from tests.stack import until
from tests.storage.files import EVERYTHING

BUCKET = "landfall"
# Two parts of 8 MiB at most.
LARGE = 10_000_000
CALLS = 4
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Bucket:
    """A prefix of its own in the service, and the proxy through which the workers reach it."""

    swift: Swift
    proxy: Proxy
    prefix: str

    @property
    def url(self) -> str:
        return f"s3://{BUCKET}/{self.prefix}"

    @property
    def settings(self) -> dict[str, str]:
        return {"LANDFALL_STORAGE_URL": self.url, "AWS_ENDPOINT_URL": self.proxy.endpoint}

    def files_of(self, export_id: str) -> list[str]:
        """What a reader of the bucket sees of an export, without its folders."""
        return sorted(name.rpartition("/")[2] for name in self.swift.objects(BUCKET) if export_id in name)

    def open_uploads(self) -> list[Upload]:
        found = uploads_of_environment(BUCKET, f"{self.prefix}/", timeout=30)
        assert found is not None
        return list(found.found())


class Spoiling(NamedTuple):
    """What becomes of so many calls whose target holds the words."""

    method: str
    holding: str
    how: Fault
    times: int


@pytest.fixture(scope="module")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    if reason := missing():
        pytest.skip(reason)
    with running_swift(tmp_path_factory.mktemp("swift")) as service:
        service.make_bucket(BUCKET)
        yield service


@pytest.fixture
def bucket(swift: Swift, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    for name in ("AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", swift.endpoint)
    with running_proxy(swift.port) as proxy:
        yield Bucket(swift, proxy, f"row-{next(_numbers)}")


def land(row: Row, bucket: Bucket, workers: int = 1, failpoints: str = "", fault: Spoiling | None = None) -> None:
    """Ask for one large file that goes to the bucket, through a proxy that spoils some calls."""
    row.start_api(LANDFALL_STORAGE_URL=bucket.url)
    row.stack.sandbox.fault("body_size", bytes=LARGE)
    row.start_workers(workers, failpoints, **bucket.settings)
    if fault:
        row.inject(str(fault.how))
        bucket.proxy.fail(fault.method, fault.holding, fault.how, times=fault.times)
    row.submit()


def assert_landed(row: Row, bucket: Bucket) -> Figures:
    """Besides what every row promises: one file and its manifest in the bucket."""
    figures = assert_kept(row)
    (id_,) = row.accepted
    assert bucket.files_of(id_) == [f"{id_}.csv", f"{id_}.csv{MANIFEST}"]
    return figures


def calls(proxy: Proxy) -> Counter[str]:
    """How often each part of an upload was asked for: its beginning, each of its parts, its end."""
    return Counter(name for line in proxy.seen if (name := _call(line)))


def _call(line: str) -> str | None:
    method, _, target = line.partition(" ")
    query = parse_qs(urlsplit(target).query, keep_blank_values=True)
    if method == "PUT" and "partNumber" in query:
        return f"part {query['partNumber'][0]}"
    if method == "POST":
        return "complete" if "uploadId" in query else "begin"
    return None


SLOW_DOWN = Answer(503, "SlowDown")
REFUSALS = {
    "500 at the beginning": Spoiling("POST", "uploads", Answer(500), CALLS - 1),
    "503 at a part": Spoiling("PUT", "partNumber=1", SLOW_DOWN, CALLS - 1),
    "500 at the last part": Spoiling("PUT", "partNumber=2", Answer(500), CALLS - 1),
    "503 at the end": Spoiling("POST", "uploadId", SLOW_DOWN, CALLS - 1),
}


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.faults(57, "S3 answers 503 SlowDown or 500 three times", api=False)
def test_a_part_that_the_store_refuses_is_sent_again_three_times_at_most(
    row: Row, bucket: Bucket, refusal: str
) -> None:
    land(row, bucket, fault=REFUSALS[refusal])
    assert_landed(row, bucket)
    asked = calls(bucket.proxy)
    assert (max(asked.values()), row.starts()) == (CALLS, 1)
    assert row.stack.events(row.accepted[0])[-1]["attempt"] == 1
    row.note(answer=refusal, extra_calls=max(asked.values()) - 1, parts=len(asked) - 2)


LOST: dict[str, Fault] = {"200 with an error": Answer(200, "InternalError"), "cut": Cut(), "no answer": Stall()}


@pytest.mark.parametrize("answer", LOST)
@pytest.mark.faults(58, "S3 completes with an error, or its answer is lost", api=False)
def test_a_completion_that_failed_or_whose_answer_is_lost_publishes_once(row: Row, bucket: Bucket, answer: str) -> None:
    land(row, bucket, 2, fault=Spoiling("POST", "uploadId", LOST[answer], 1))
    # Silence is given up after a minute, as the store's settings have it.
    row.until_over(120)
    assert_landed(row, bucket)
    assert row.starts() == 1
    row.note(answer=answer, completions=calls(bucket.proxy)["complete"])


@pytest.mark.faults(58, "worker killed after S3 has completed", api=False)
def test_a_file_whose_publisher_died_after_the_completion_is_adopted(row: Row, bucket: Bucket) -> None:
    land(row, bucket, 2, "download.published=kill")
    assert_landed(row, bucket)
    assert (calls(bucket.proxy)["complete"], row.starts()) == (1, 1)
    row.note(completions=1)


@pytest.mark.faults(59, "worker killed in a multipart upload", api=False)
def test_the_upload_of_a_killed_worker_is_aborted_by_the_sweep(row: Row, bucket: Bucket) -> None:
    row.stack.sandbox.fault("slow_body", operation="download", after_bytes=LARGE - 500_000, seconds=600)
    land(row, bucket)
    (worker,) = row.stack.processes[1:]
    until(lambda: calls(bucket.proxy)["part 1"] and bucket.open_uploads(), "an upload under way")
    row.start_workers(1, **bucket.settings)
    row.kill(worker)
    assert_landed(row, bucket)
    left = len(bucket.open_uploads())
    store = open_store(bucket.url)
    # The worker's own sweep, at its start and every ten minutes, takes what is older than 45.
    assert store.sweep(timedelta(minutes=45)) == 0
    assert store.sweep(EVERYTHING) == left == 1
    assert bucket.open_uploads() == []
    assert_landed(row, bucket)
    row.note(open_uploads=f"{left}, after the sweep {len(bucket.open_uploads())}")
