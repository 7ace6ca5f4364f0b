"""Checks that every store keeps the same promises: a folder and a real S3 service."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from landfall.exports.errors import StorageUnavailable
from landfall.storage.published import ArtifactMissing, Published
from tests.storage.conftest import Place
from tests.storage.files import EVERYTHING, KEY, LARGE, MANIFEST, MIB, SIZES, begun, body, digest, publish

ROOT = Path(__file__).parents[2]


@contextmanager
def writing(place: Place, mib: int, *words: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.storage.writing", place.url, KEY, str(mib), *words]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: "subprocess.Popen[str]") -> list[str]:
    assert process.stdout is not None
    return process.stdout.readline().split()


@SIZES
def test_what_was_published_is_read_back_whole(place: Place, mib: float) -> None:
    published = publish(place.store, mib)
    assert published == Published(f"{place.url}/{KEY}", adopted=False)
    assert place.store.stat(published.uri) == sum(map(len, body(mib)))
    assert digest(place.store.open(published.uri)) == digest(body(mib))


def test_a_file_can_be_described_anew(place: Place) -> None:
    uri = publish(place.store, 1).uri
    assert uri == place.store.uri(KEY)
    place.store.describe(uri, b'{"told": "again"}\n')
    assert place.store.manifest(uri) == b'{"told": "again"}\n'
    assert place.visible() == [KEY, MANIFEST]


def test_nothing_outside_of_the_store_is_described(place: Place) -> None:
    publish(place.store, 1)
    with pytest.raises(StorageUnavailable, match="does not lie in"):
        place.store.describe("file:///elsewhere/a.csv", b"{}")


def test_a_file_is_read_in_chunks_of_a_bounded_size(place: Place) -> None:
    assert max(map(len, place.store.open(publish(place.store, LARGE).uri))) <= 2 * MIB


@SIZES
def test_nobody_sees_a_file_before_it_is_published(place: Place, mib: float) -> None:
    draft = begun(place.store, mib)
    assert draft.held == sum(map(len, body(mib)))
    assert place.visible() == []
    assert place.store.stat(f"{place.url}/{KEY}") is None
    draft.publish(b"{}\n")
    draft.close()
    assert place.visible() == [KEY, MANIFEST]


def test_an_empty_file_is_published_too(place: Place) -> None:
    draft = place.store.draft(KEY, "mark")
    published = draft.publish(b"{}\n")
    draft.close()
    assert place.store.stat(published.uri) == 0
    assert b"".join(place.store.open(published.uri)) == b""


@SIZES
@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["the-first-first", "the-second-first"])
def test_of_two_drafts_of_one_key_the_later_one_adopts_the_earlier(
    place: Place, mib: float, order: tuple[int, int]
) -> None:
    drafts = [place.store.draft(KEY, "mark"), place.store.draft(KEY, "mark")]
    for chunks in zip(body(mib, 0), body(mib, 100), strict=True):
        for draft, chunk in zip(drafts, chunks, strict=True):
            draft.write(chunk)
    results = [drafts[number].publish(b"%d\n" % number) for number in order]
    for draft in drafts:
        draft.close()
    uri = f"{place.url}/{KEY}"
    assert results == [Published(uri, adopted=False), Published(uri, adopted=True)]
    assert digest(place.store.open(uri)) == digest(body(mib, 100 * order[0]))
    assert place.store.manifest(uri) == b"%d\n" % order[0]


def test_a_taken_key_keeps_its_bytes(place: Place) -> None:
    first = publish(place.store, seed=1, manifest=b"first\n")
    assert publish(place.store, LARGE, seed=2, manifest=b"second\n") == Published(first.uri, adopted=True)
    assert digest(place.store.open(first.uri)) == digest(body(0.001, 1))
    assert place.store.manifest(first.uri) == b"first\n"
    assert place.visible() == [KEY, MANIFEST]


@SIZES
def test_a_discarded_draft_leaves_nothing(place: Place, mib: float) -> None:
    draft = begun(place.store, mib)
    draft.discard()
    draft.discard()
    draft.close()
    assert place.visible() == place.remains() == []


def test_discarding_after_publishing_changes_nothing(place: Place) -> None:
    draft = place.store.draft(KEY, "mark")
    draft.write(b"a,b\n")
    draft.publish(b"{}\n")
    draft.discard()
    draft.close()
    assert place.visible() == [KEY, MANIFEST]


@SIZES
def test_a_restarted_draft_holds_only_what_came_after(place: Place, mib: float) -> None:
    draft = begun(place.store, mib)
    draft.restart()
    assert draft.held == 0
    draft.write(b"a,b\n")
    published = draft.publish(b"{}\n")
    draft.close()
    assert b"".join(place.store.open(published.uri)) == b"a,b\n"


def test_a_part_of_another_report_is_not_resumed(place: Place) -> None:
    draft = place.store.draft(KEY, "generation 1")
    draft.remember('"tag"')
    draft.write(b"a,b\n")
    draft.close()
    again = place.store.draft(KEY, "generation 2")
    assert again.held == 0
    again.close()


@SIZES
def test_the_sweep_removes_what_an_abandoned_draft_left(place: Place, mib: float) -> None:
    draft = begun(place.store, mib)
    draft.close()
    place.store.sweep(EVERYTHING)
    assert place.visible() == place.remains() == []


def test_a_killed_writer_leaves_nothing_visible_and_the_sweep_clears_the_rest(place: Place) -> None:
    with writing(place, LARGE, "stop") as process:
        assert said(process) == ["held", str(LARGE * MIB)]
        process.kill()
        process.wait()
    assert place.visible() == []
    assert place.remains() != []
    assert place.store.sweep(timedelta(hours=1)) == 0
    assert place.remains() != []
    assert place.store.sweep(EVERYTHING) > 0
    assert place.visible() == place.remains() == []


def test_a_file_can_be_published_after_a_writer_was_killed(place: Place) -> None:
    with writing(place, LARGE, "stop") as process:
        said(process)
        process.kill()
        process.wait()
    published = publish(place.store, LARGE)
    assert not published.adopted
    assert digest(place.store.open(published.uri)) == digest(body(LARGE))


def test_the_sweep_leaves_published_files_alone(place: Place) -> None:
    publish(place.store, LARGE)
    place.store.sweep(EVERYTHING)
    assert place.visible() == [KEY, MANIFEST]


def test_a_removed_file_is_gone_with_its_manifest_and_removing_it_again_is_no_error(place: Place) -> None:
    uri = publish(place.store).uri
    place.store.remove(uri)
    place.store.remove(uri)
    assert place.visible() == []
    assert place.store.stat(uri) is None


def test_a_key_can_be_taken_again_after_its_file_was_removed(place: Place) -> None:
    place.store.remove(publish(place.store, seed=1).uri)
    assert not publish(place.store, seed=2).adopted


@pytest.mark.parametrize("key", [KEY, "../../etc/passwd", ".parts/probe"])
def test_a_missing_file_is_missed_by_every_question(place: Place, key: str) -> None:
    publish(place.store)
    place.store.remove(f"{place.url}/{KEY}")
    uri = f"{place.url}/{key}"
    with pytest.raises(ArtifactMissing):
        b"".join(place.store.open(uri))
    assert place.store.stat(uri) is None
    assert place.store.manifest(uri) is None


@pytest.mark.parametrize("uri", ["s3://other/key.csv", "file:///etc/passwd", "https://example.com/key.csv"])
def test_what_lies_in_another_store_is_missing_from_this_one(place: Place, uri: str) -> None:
    with pytest.raises(ArtifactMissing):
        b"".join(place.store.open(uri))
    assert place.store.stat(uri) is None


def test_a_store_that_works_passes_its_check_and_keeps_nothing_of_it(place: Place) -> None:
    place.store.check()
    place.store.sweep(EVERYTHING)
    assert place.visible() == place.remains() == []


@pytest.mark.slow
def test_memory_stays_bounded_while_a_large_file_is_written(place: Place) -> None:
    with writing(place, 300) as process:
        words = said(process)
    assert words[0] == "grown"
    assert int(words[1]) < 96 * 1024
