"""Checks that a file is published whole, once, and that nothing else is left behind."""

from pathlib import Path

import pytest

from landfall.exports.errors import StorageUnavailable
from landfall.settings import SettingsError
from landfall.storage.disk import PARTS, DiskStore
from landfall.storage.store import artifact_key, open_store
from tests.exports.jobs import make_job

KEY = "shop-bwp/USER_EVENTS/2026/01/31/exp_1.csv"


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_a_published_file_is_whole_and_alone(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    with store.draft(KEY) as draft:
        draft.write(b"a,b\n")
        draft.write(b"1,2\n")
        published = draft.publish()
    assert not published.adopted
    path = store.path(published.uri)
    assert path == tmp_path / KEY
    assert path.read_bytes() == b"a,b\n1,2\n"
    assert files(tmp_path) == [KEY]


def test_nobody_sees_a_draft_and_an_unpublished_one_vanishes(tmp_path: Path) -> None:
    with DiskStore(tmp_path).draft(KEY) as draft:
        draft.write(b"a,b\n")
        assert all(name.startswith(PARTS) for name in files(tmp_path))
    assert files(tmp_path) == []


def test_a_second_publisher_adopts_what_is_there(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    for body, adopted in ((b"first", False), (b"second", True)):
        with store.draft(KEY) as draft:
            draft.write(body)
            assert draft.publish().adopted is adopted
    assert (tmp_path / KEY).read_bytes() == b"first"
    assert files(tmp_path) == [KEY]


def test_a_new_draft_removes_what_a_killed_one_left_behind(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    dead = store.draft(KEY)
    dead.write(b"half")
    dead._file.close()
    with store.draft(KEY) as draft:
        draft.write(b"whole")
        draft.publish()
    assert files(tmp_path) == [KEY]


def test_a_draft_that_was_taken_over_cannot_publish(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    with store.draft(KEY) as stopped:
        stopped.write(b"old")
        with store.draft(KEY) as draft:
            draft.write(b"new")
            with pytest.raises(StorageUnavailable):
                stopped.publish()
            draft.publish()
    assert (tmp_path / KEY).read_bytes() == b"new"


def test_a_store_that_cannot_be_written_says_where(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("in the way")
    with pytest.raises(StorageUnavailable, match=str(tmp_path / "files")):
        DiskStore(tmp_path / "files").draft(KEY)


@pytest.mark.parametrize("uri", ["file:///etc/passwd", "s3://bucket/key", "file:///%2e%2e/etc/passwd"])
def test_a_uri_outside_the_store_is_not_read(tmp_path: Path, uri: str) -> None:
    assert DiskStore(tmp_path).path(uri) is None


def test_a_uri_that_climbs_out_of_the_store_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    store = DiskStore(tmp_path / "files")
    assert store.path(f"file://{tmp_path}/files/../secret") is None


def test_the_settings_url_opens_the_store(tmp_path: Path) -> None:
    with open_store(f"file://{tmp_path}/a%20b").draft(KEY) as draft:
        assert draft.publish().uri == f"file://{tmp_path}/a%20b/{KEY}"


@pytest.mark.parametrize("url", ["s3://bucket", "file://host/path", "relative/path", "file:relative"])
def test_another_store_is_refused_in_one_sentence(url: str) -> None:
    with pytest.raises(SettingsError, match=r"storage_url: .+ file:///absolute/path"):
        open_store(url)


def test_the_same_export_always_has_the_same_key() -> None:
    assert artifact_key(make_job()) == KEY
