"""Checks what becomes of a file when the network or the store breaks, against a real S3 service behind a faulty proxy."""

import pytest

from landfall.exports.errors import StorageUnavailable
from landfall.storage.bucket import Patience
from landfall.storage.objects import open_objects
from tests.services.proxy import Answer, Blackhole, Cut, Proxy, Stall
from tests.storage.conftest import Place
from tests.storage.files import EVERYTHING, KEY, LARGE, MANIFEST, SIZES, begun, body, complaint, digest, publish

HASTY = Patience(silence=0.5, retries=1, first_wait=0.01)
ONCE = Patience(silence=0.5, retries=0)
STEADY = Patience(first_wait=0.01)
PARTS = pytest.mark.parametrize(
    ("method", "holding"), [("POST", "uploads"), ("PUT", "partNumber=2"), ("POST", "uploadId")]
)


def test_a_store_that_cannot_be_reached_is_named(bucket: Place, proxy: Proxy) -> None:
    store = open_objects(bucket.url, HASTY)
    proxy.end()
    assert complaint(store).endswith(
        "the store does not answer; check the network and the endpoint in the environment."
    )


@PARTS
def test_a_store_that_fails_once_is_asked_again(bucket: Place, proxy: Proxy, method: str, holding: str) -> None:
    proxy.fail(method, holding, Answer(503, "SlowDown"), times=1)
    published = publish(open_objects(bucket.url, STEADY), LARGE)
    assert digest(bucket.store.open(published.uri)) == digest(body(LARGE))
    assert not published.adopted


@PARTS
def test_a_store_that_goes_on_failing_is_asked_at_most_three_times_more(
    bucket: Place, proxy: Proxy, method: str, holding: str
) -> None:
    proxy.fail(method, holding, Answer(500))
    assert "the store answered 500 (InternalError)" in complaint(open_objects(bucket.url, STEADY), LARGE)
    assert sum(holding in line and line.startswith(method) for line in proxy.seen) <= 4
    proxy.heal()
    bucket.store.sweep(EVERYTHING)
    assert bucket.visible() == bucket.remains() == []


def test_a_completion_that_fails_with_status_200_is_asked_again(bucket: Place, proxy: Proxy) -> None:
    proxy.fail("POST", "uploadId", Answer(200, "InternalError"), times=1)
    published = publish(open_objects(bucket.url, STEADY), LARGE)
    assert not published.adopted
    assert bucket.store.stat(published.uri) == LARGE << 20


@pytest.mark.parametrize("patience", [ONCE, HASTY], ids=["asked-once", "asked-twice"])
@pytest.mark.parametrize("fault", [Cut(), Stall()], ids=["cut", "stalled"])
def test_a_completion_whose_answer_is_lost_counts_as_published(
    bucket: Place, proxy: Proxy, patience: Patience, fault: Cut | Stall
) -> None:
    proxy.fail("POST", "uploadId", fault, times=1)
    published = publish(open_objects(bucket.url, patience), LARGE)
    assert not published.adopted
    assert digest(bucket.store.open(published.uri)) == digest(body(LARGE))
    assert bucket.visible() == [KEY, MANIFEST]


@pytest.mark.parametrize("patience", [ONCE, HASTY], ids=["asked-once", "asked-twice"])
def test_a_small_file_whose_answer_is_lost_is_found_in_place(bucket: Place, proxy: Proxy, patience: Patience) -> None:
    proxy.fail("PUT", KEY, Cut(), times=1)
    published = publish(open_objects(bucket.url, patience))
    assert digest(bucket.store.open(published.uri)) == digest(body(0.001))
    assert bucket.visible() == [KEY, MANIFEST]


@SIZES
def test_a_store_that_stalls_is_given_up_and_publishes_nothing(bucket: Place, proxy: Proxy, mib: float) -> None:
    proxy.fail("PUT", KEY, Blackhole())
    assert "the store does not answer" in complaint(open_objects(bucket.url, HASTY), mib)
    proxy.heal()
    bucket.store.sweep(EVERYTHING)
    assert bucket.visible() == bucket.remains() == []


def test_a_large_draft_that_is_closed_unpublished_is_aborted_at_once(bucket: Place) -> None:
    draft = begun(bucket.store, LARGE)
    assert bucket.remains() != []
    draft.close()
    assert bucket.remains() == []


def test_a_draft_that_broke_off_cannot_publish_but_can_begin_again(bucket: Place, proxy: Proxy) -> None:
    draft = open_objects(bucket.url, STEADY).draft(KEY, "mark")
    proxy.fail("POST", "uploads", Answer(500))
    with pytest.raises(StorageUnavailable):
        draft.write(b"x" * (LARGE << 20))
    with pytest.raises(StorageUnavailable, match="has to begin again"):
        draft.publish(b"{}\n")
    proxy.heal()
    draft.restart()
    draft.write(b"a,b\n")
    assert not draft.publish(b"{}\n").adopted
    assert bucket.store.stat(f"{bucket.url}/{KEY}") == 4


@pytest.mark.parametrize(("mib", "manifest"), [(0.001, b"second\n"), (0.002, None)], ids=["same-size", "other-size"])
def test_a_file_whose_manifest_was_lost_gets_that_of_a_second_publication_of_the_same_size(
    bucket: Place, proxy: Proxy, mib: float, manifest: bytes | None
) -> None:
    proxy.fail("PUT", MANIFEST, Answer(500))
    complaint(open_objects(bucket.url, HASTY))
    proxy.heal()
    published = publish(bucket.store, mib, manifest=b"second\n")
    assert published.adopted
    assert bucket.store.manifest(published.uri) == manifest


def test_a_manifest_that_outlived_its_file_is_replaced(bucket: Place, proxy: Proxy) -> None:
    uri = publish(bucket.store, manifest=b"old\n").uri
    proxy.fail("DELETE", MANIFEST, Answer(500))
    with pytest.raises(StorageUnavailable):
        open_objects(bucket.url, HASTY).remove(uri)
    proxy.heal()
    assert not publish(bucket.store, manifest=b"new\n").adopted
    assert bucket.store.manifest(uri) == b"new\n"


def test_reading_goes_on_where_the_connection_was_cut(bucket: Place, proxy: Proxy) -> None:
    uri = publish(bucket.store, LARGE).uri
    proxy.fail("GET", KEY, Cut(after=9_000_000), times=1)
    assert digest(open_objects(bucket.url, STEADY).open(uri)) == digest(body(LARGE))
    assert sum(line.startswith("GET") for line in proxy.seen) == 2


def test_a_reader_is_told_when_the_store_stalls(bucket: Place, proxy: Proxy) -> None:
    uri = publish(bucket.store, LARGE).uri
    proxy.fail("GET", KEY, Stall(after=9_000_000))
    with pytest.raises(StorageUnavailable, match="does not answer"):
        digest(open_objects(bucket.url, HASTY).open(uri))


def test_a_store_that_fails_is_not_taken_for_one_without_the_file(bucket: Place, proxy: Proxy) -> None:
    uri = publish(bucket.store).uri
    proxy.fail("HEAD", "", Answer(503))
    proxy.fail("GET", "", Answer(503))
    store = open_objects(bucket.url, HASTY)
    for ask in (store.stat, store.manifest, store.open):
        with pytest.raises(StorageUnavailable, match="the store answered 503"):
            ask(uri)


def test_what_is_no_store_is_named(bucket: Place, proxy: Proxy) -> None:
    proxy.fail("PUT", "", Answer(200))
    assert "does not speak the store's language" in complaint(open_objects(bucket.url, HASTY))


def test_a_store_that_overwrites_in_spite_of_the_condition_fails_its_check(bucket: Place, proxy: Proxy) -> None:
    taken = Answer(200, headers='ETag: "a"\r\nLast-Modified: Sat, 31 Jan 2026 00:00:00 GMT\r\n')
    for method in ("PUT", "GET", "DELETE"):
        proxy.fail(method, ".parts", taken)
    with pytest.raises(StorageUnavailable, match="honours it"):
        open_objects(bucket.url, HASTY).check()
