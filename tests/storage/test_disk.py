"""Checks what a folder of artifacts promises beyond the contract that it shares with the object stores."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from landfall.exports.errors import StorageFull, StorageReadOnly, StorageUnavailable
from landfall.settings import SettingsError
from landfall.storage.disk import DiskStore
from landfall.storage.disk_draft import PARTS
from landfall.storage.durable import as_storage_errors
from landfall.storage.published import Published
from landfall.storage.store import open_store

KEY = "shop-bwp/USER_EVENTS/2026/01/31/exp_1.csv"
MANIFEST = f"{KEY}.manifest.json"


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def publish(root: Path, body: bytes, manifest: bytes = b"{}\n", key: str = KEY) -> Published:
    with closing(DiskStore(root).draft(key, "1:report")) as draft:
        draft.write(body)
        return draft.publish(manifest)


@pytest.fixture
def tight(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "tight"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("this user may not mount a tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_published_file_and_its_manifest_are_alone_in_the_folder(tmp_path: Path) -> None:
    assert publish(tmp_path, b"a,b\n1,2\n", b"{}\n") == Published(f"{tmp_path.as_uri()}/{KEY}", adopted=False)
    assert (tmp_path / KEY).read_bytes() == b"a,b\n1,2\n"
    assert (tmp_path / MANIFEST).read_bytes() == b"{}\n"
    assert files(tmp_path) == [KEY, MANIFEST]


def test_an_adopted_file_without_a_manifest_gets_one_if_it_holds_the_same(tmp_path: Path) -> None:
    publish(tmp_path, b"a,b\n")
    (tmp_path / MANIFEST).unlink()
    assert publish(tmp_path, b"a,b\n", b"second\n").adopted
    assert (tmp_path / MANIFEST).read_bytes() == b"second\n"


def test_the_manifest_of_one_file_is_not_put_beside_another(tmp_path: Path) -> None:
    publish(tmp_path, b"a,b\n")
    (tmp_path / MANIFEST).unlink()
    assert publish(tmp_path, b"c,d\n").adopted
    assert files(tmp_path) == [KEY]


def test_a_manifest_that_outlived_its_file_is_replaced(tmp_path: Path) -> None:
    publish(tmp_path, b"a,b\n", b"first\n")
    (tmp_path / KEY).unlink()
    assert not publish(tmp_path, b"a,b\n", b"second\n").adopted
    assert (tmp_path / MANIFEST).read_bytes() == b"second\n"


def test_a_name_taken_by_a_folder_is_no_file_to_adopt(tmp_path: Path) -> None:
    (tmp_path / KEY).mkdir(parents=True)
    with pytest.raises(StorageUnavailable, match=f"{KEY}: the name is taken by something that is no file; remove it"):
        publish(tmp_path, b"a,b\n")


def test_nothing_is_published_through_a_link_out_of_the_store(tmp_path: Path) -> None:
    root, outside = tmp_path / "files", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "shop-bwp").symlink_to(outside)
    with pytest.raises(StorageUnavailable, match="a link leads out of the store"):
        publish(root, b"a,b\n")
    assert files(outside) == []


def test_a_store_that_is_itself_a_link_works(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "files").symlink_to(tmp_path / "real")
    uri = publish(tmp_path / "files", b"a,b\n").uri
    assert DiskStore(tmp_path / "files").local_path(uri) == tmp_path / "files" / KEY


def test_a_store_that_cannot_be_written_says_where(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("in the way")
    with pytest.raises(StorageUnavailable, match=str(tmp_path / "files")):
        publish(tmp_path / "files", b"")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_store_without_room_defers(tmp_path: Path, number: int) -> None:
    with pytest.raises(StorageFull, match=f"^{KEY}: {os.strerror(number)}$"), as_storage_errors(tmp_path, KEY):
        raise OSError(number, os.strerror(number))


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EPERM])
def test_a_store_that_may_not_be_written_to_defers(tmp_path: Path, number: int) -> None:
    with pytest.raises(StorageReadOnly, match=f"^{KEY}: {os.strerror(number)}$"), as_storage_errors(tmp_path, KEY):
        raise OSError(number, os.strerror(number))


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE])
def test_any_other_fault_of_the_disk_costs_an_attempt_and_names_the_path_below_the_root(
    tmp_path: Path, number: int
) -> None:
    with pytest.raises(StorageUnavailable, match=f"^a/b: {os.strerror(number)}$"), as_storage_errors(tmp_path):
        raise OSError(number, os.strerror(number), str(tmp_path / "a/b"))


def test_a_chunk_that_does_not_fit_is_dropped_and_the_file_goes_on_once_there_is_room(tight: Path) -> None:
    store = DiskStore(tight)
    half = bytes(512 << 10)
    (tight / "other").write_bytes(bytes(300 << 10))
    with closing(store.draft(KEY, "1:report")) as draft:
        draft.write(half)
        with pytest.raises(StorageFull, match=os.strerror(errno.ENOSPC)):
            draft.write(half[: 400 << 10])
        assert draft.held == len(half)
        assert files(tight) == [f"{PARTS}/{draft._path.name}", "other"]
        (tight / "other").unlink()
        draft.write(half[: 400 << 10])
        draft.publish(b"{}\n")
    assert (tight / KEY).stat().st_size == 912 << 10


def test_a_discarded_part_gives_its_room_back_at_once(tight: Path) -> None:
    draft = DiskStore(tight).draft(KEY, "1:report")
    before = DiskStore(tight).free_bytes()
    draft.write(bytes(512 << 10))
    draft.discard()
    assert DiskStore(tight).free_bytes() >= before


def test_a_file_without_room_for_its_manifest_is_not_published(tight: Path) -> None:
    with closing(DiskStore(tight).draft(KEY, "1:report")) as draft:
        draft.write(bytes(900 << 10))
        with pytest.raises(StorageFull):
            draft.publish(bytes(300 << 10))
    assert files(tight) == []


def test_a_full_store_fails_its_check(tight: Path) -> None:
    (tight / "other").write_bytes(b"x")
    with pytest.raises(StorageUnavailable, match=r"less than 1 MiB of room is left; .+LANDFALL_STORAGE_URL"):
        DiskStore(tight).check()


def test_a_store_in_the_place_of_a_file_fails_its_check(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("in the way")
    with pytest.raises(StorageUnavailable, match=r"files: .+; make it a writable folder .+LANDFALL_STORAGE_URL"):
        DiskStore(tmp_path / "files").check()


def test_the_check_makes_the_folder_and_leaves_nothing_in_it(tmp_path: Path) -> None:
    DiskStore(tmp_path / "new" / "files").check()
    assert files(tmp_path) == []


def test_the_free_room_is_known_before_the_folder_is_made(tmp_path: Path) -> None:
    found = os.statvfs(tmp_path)
    assert DiskStore(tmp_path / "new" / "files").free_bytes() <= found.f_blocks * found.f_frsize


@pytest.mark.parametrize(
    "uri",
    [
        "file:///etc/passwd",
        "file:///%2e%2e/etc/passwd",
        "s3://bucket/key",
        "file://host{root}/inside",
        "file://{root}/../secret",
        "file://{root}/%2e%2e/secret",
        "file://{root}/link",
        "file://{root}/folder/secret",
        "file://{root}/.parts/part",
        "file://{root}/inside%00",
        "file://{root}",
        "{root}/inside",
    ],
)
def test_what_lies_outside_the_store_is_not_read(tmp_path: Path, uri: str) -> None:
    root = tmp_path / "files"
    (root / PARTS).mkdir(parents=True)
    for path in (tmp_path / "secret", root / "inside", root / PARTS / "part"):
        path.write_text("x")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "folder").symlink_to(tmp_path)
    store = DiskStore(root)
    assert store.local_path(f"{root.as_uri()}/inside") == root / "inside"
    assert store.local_path(uri.format(root=root)) is None


@pytest.mark.parametrize("key", ["../secret", "/etc/passwd", "", ".", f"{PARTS}/part", "a\0b"])
def test_a_key_outside_the_store_is_no_key(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="is no key"):
        DiskStore(tmp_path / "files").draft(key, "1:report")


@pytest.mark.parametrize("uri", ["s3://bucket/key", "file:///etc/passwd", "file://{root}/folder/secret"])
def test_what_lies_outside_the_store_is_not_removed(tmp_path: Path, uri: str) -> None:
    root = tmp_path / "files"
    root.mkdir()
    (tmp_path / "secret").write_text("x")
    (root / "folder").symlink_to(tmp_path)
    with pytest.raises(StorageUnavailable, match="does not lie in"):
        DiskStore(root).remove(uri.format(root=root))
    assert (tmp_path / "secret").exists()


def test_removing_prunes_the_folders_that_are_empty_then_and_no_others(tmp_path: Path) -> None:
    first, second = (publish(tmp_path, b"", key=f"shop/2026/{day}/a.csv").uri for day in ("01", "02"))
    store = DiskStore(tmp_path)
    store.remove(first)
    assert not (tmp_path / "shop/2026/01").exists()
    assert files(tmp_path) == ["shop/2026/02/a.csv", "shop/2026/02/a.csv.manifest.json"]
    store.remove(second)
    store.remove(second)
    assert {path.name for path in tmp_path.iterdir()} == {PARTS}


def test_an_uncommon_name_is_found_again_by_its_uri(tmp_path: Path) -> None:
    root = tmp_path / "a b?#%"
    uri = publish(root, b"a,b\n", key="year=2026/ü %41.csv").uri
    assert "year=2026" in uri
    assert DiskStore(root).local_path(uri) == root / "year=2026/ü %41.csv"


def test_the_settings_url_opens_the_folder(tmp_path: Path) -> None:
    assert open_store(f"file://{tmp_path}/a%20b").url == f"file://{tmp_path}/a%20b"


@pytest.mark.parametrize("url", ["file://host/path", "relative/path", "file:relative", "ftp://host/path", ""])
def test_another_store_is_refused_in_one_sentence(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^storage_url: .+ file:///absolute/path, s3://bucket/prefix"):
        open_store(url)
