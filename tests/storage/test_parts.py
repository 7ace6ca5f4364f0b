"""Checks that a part is gone on with only where that is safe."""

import io
import os
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from landfall.exports.errors import StorageUnavailable
from landfall.storage import part_file
from landfall.storage.disk import DiskStore
from landfall.storage.disk_draft import PARTS, DiskDraft

KEY = "shop-bwp/USER_EVENTS/2026/01/31/exp_1.csv"
MARK = "1:report"
TAG = '"tag"'


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def left_behind(root: Path, body: bytes = b"a,b\n", mark: str = MARK, tag: str | None = TAG) -> None:
    with closing(DiskStore(root).draft(KEY, mark)) as draft:
        draft.remember(tag)
        draft.write(body)


def replayed(draft: DiskDraft) -> bytes:
    chunks: list[bytes] = []
    draft.replay(chunks.append)
    return b"".join(chunks)


def test_a_part_of_the_same_report_is_gone_on_with(tmp_path: Path) -> None:
    left_behind(tmp_path)
    with closing(DiskStore(tmp_path).draft(KEY, MARK)) as draft:
        assert (draft.held, draft.tag, replayed(draft)) == (4, TAG, b"a,b\n")
        draft.write(b"1,2\n")
        draft.publish(b"{}\n")
    assert (tmp_path / KEY).read_bytes() == b"a,b\n1,2\n"
    assert files(tmp_path) == [KEY, f"{KEY}.manifest.json"]


def test_a_large_part_is_replayed_in_chunks_of_a_mebibyte(tmp_path: Path) -> None:
    body = os.urandom((5 << 20) // 2)
    left_behind(tmp_path, body)
    with closing(DiskStore(tmp_path).draft(KEY, MARK)) as draft:
        sizes: list[int] = []
        draft.replay(lambda chunk: sizes.append(len(chunk)))
        assert sizes == [1 << 20, 1 << 20, 1 << 19]
        assert replayed(draft) == body


@pytest.mark.parametrize(("mark", "tag"), [("2:report", TAG), ("1:other", TAG), (MARK, None)])
def test_a_part_of_another_report_or_without_a_tag_is_not_resumed(tmp_path: Path, mark: str, tag: str | None) -> None:
    left_behind(tmp_path, b"old and long\n", mark, tag)
    with closing(DiskStore(tmp_path).draft(KEY, MARK)) as draft:
        assert (draft.held, draft.tag, replayed(draft)) == (0, None, b"")
        draft.write(b"new\n")
        draft.publish(b"{}\n")
    assert (tmp_path / KEY).read_bytes() == b"new\n"


def test_a_part_that_nobody_can_go_on_with_does_not_stay(tmp_path: Path) -> None:
    left_behind(tmp_path, tag=None)
    left_behind(tmp_path, b"")
    assert files(tmp_path) == []


def test_bytes_of_two_tags_are_not_resumed(tmp_path: Path) -> None:
    with closing(DiskStore(tmp_path).draft(KEY, MARK)) as draft:
        draft.remember(TAG)
        draft.write(b"a,b\n")
        draft.remember('"other"')
        draft.write(b"1,2\n")
    assert files(tmp_path) == []


def test_a_restarted_part_keeps_nothing_of_its_first_body(tmp_path: Path) -> None:
    left_behind(tmp_path, b"old and long\n")
    with closing(DiskStore(tmp_path).draft(KEY, MARK)) as draft:
        draft.restart()
        draft.remember('"new"')
        draft.write(b"new\n")
    with closing(DiskStore(tmp_path).draft(KEY, MARK)) as draft:
        assert (draft.tag, replayed(draft)) == ('"new"', b"new\n")


def note_of(root: Path) -> Path:
    return next((root / PARTS).glob("*.json"))


@pytest.mark.parametrize("note", ["", "{", "[]", '{"mark": "1:report"}', '{"mark": 1, "tag": 2}', "\udcff"])
def test_a_part_whose_note_cannot_be_read_is_thrown_away(tmp_path: Path, note: str) -> None:
    left_behind(tmp_path)
    note_of(tmp_path).write_bytes(os.fsencode(note))
    with closing(DiskStore(tmp_path).draft(KEY, MARK)) as draft:
        assert draft.held == 0


@pytest.mark.parametrize(("synced", "held"), [(0, 0), (3, 3), (4, 4), (99, 4)])
def test_after_a_restart_of_the_machine_only_synced_bytes_are_trusted(tmp_path: Path, synced: int, held: int) -> None:
    left_behind(tmp_path)
    part = next((tmp_path / PARTS).glob("*.part"))
    part_file.write_note(part, part_file.Note(MARK, TAG, synced, "another boot"))
    with closing(DiskStore(tmp_path).draft(KEY, MARK)) as draft:
        assert replayed(draft) == b"a,b\n"[:held]


def test_a_closed_part_is_synced_for_a_restart_of_the_machine(tmp_path: Path) -> None:
    left_behind(tmp_path)
    part = next((tmp_path / PARTS).glob("*.part"))
    note = part_file.read_note(part)
    assert note is not None
    assert note.synced == part.stat().st_size == 4


def test_two_drafts_of_one_key_do_not_write_into_one_part(tmp_path: Path) -> None:
    left_behind(tmp_path, b"held\n")
    first, second = (DiskStore(tmp_path).draft(KEY, MARK) for _ in range(2))
    assert (first.held, second.held) == (5, 0)
    second.remember(TAG)
    second.write(b"second\n")
    first.write(b"first\n")
    assert not first.publish(b"first\n").adopted
    assert second.publish(b"second\n").adopted
    assert (tmp_path / KEY).read_bytes() == b"held\nfirst\n"
    assert files(tmp_path) == [KEY, f"{KEY}.manifest.json"]


def test_a_second_draft_leaves_nothing_to_go_on_with(tmp_path: Path) -> None:
    with closing(DiskStore(tmp_path).draft(KEY, MARK)) as first:
        first.remember(TAG)
        first.write(b"first\n")
        left_behind(tmp_path, b"second\n")
    with closing(DiskStore(tmp_path).draft(KEY, MARK)) as draft:
        assert replayed(draft) == b"first\n"


def test_a_part_that_is_already_the_artifact_is_never_written_again(tmp_path: Path) -> None:
    left_behind(tmp_path)
    (tmp_path / KEY).parent.mkdir(parents=True)
    os.link(next((tmp_path / PARTS).glob("*.part")), tmp_path / KEY)
    with closing(DiskStore(tmp_path).draft(KEY, MARK)) as draft:
        assert draft.held == 0
        draft.write(b"other\n")
        assert draft.publish(b"{}\n").adopted
    assert (tmp_path / KEY).read_bytes() == b"a,b\n"


def test_a_published_part_takes_nothing_more(tmp_path: Path) -> None:
    draft = DiskStore(tmp_path).draft(KEY, MARK)
    (tmp_path / f"{KEY}.manifest.json").mkdir(parents=True)
    draft.write(b"a,b\n")
    with pytest.raises(StorageUnavailable, match="directory"):
        draft.publish(b"{}\n")
    for harm in (draft.restart, lambda: draft.write(b"x")):
        with pytest.raises(ValueError, match="the part is published"):
            harm()
    (tmp_path / f"{KEY}.manifest.json").rmdir()
    assert not draft.publish(b"{}\n").adopted
    draft.close()
    assert (tmp_path / KEY).read_bytes() == b"a,b\n"
    assert files(tmp_path) == [KEY, f"{KEY}.manifest.json"]


def test_a_link_in_the_place_of_a_part_is_not_followed(tmp_path: Path) -> None:
    left_behind(tmp_path)
    part = next((tmp_path / PARTS).glob("*.part"))
    part.unlink()
    (tmp_path / "precious").write_text("x")
    part.symlink_to(tmp_path / "precious")
    with pytest.raises(StorageUnavailable, match="symbolic links"):
        DiskStore(tmp_path).draft(KEY, MARK)
    assert (tmp_path / "precious").read_text() == "x"


def test_the_sweep_takes_what_is_old_and_open_to_nobody(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    left_behind(tmp_path)
    busy = store.draft("busy.csv", MARK)
    busy.remember(TAG)
    busy.write(b"a,b\n")
    for stray in ("stray.json", "stray.tmp", "of-an-older-release.0a1b2c3d"):
        (tmp_path / PARTS / stray).touch()
    assert store.sweep(timedelta(hours=1)) == 0
    assert store.sweep(timedelta(0)) == 4
    assert files(tmp_path) == sorted(f"{PARTS}/{busy._path.with_suffix(end).name}" for end in (".part", ".json"))
    busy.publish(b"{}\n")
    assert (tmp_path / "busy.csv").read_bytes() == b"a,b\n"


def test_a_left_over_temporary_file_does_not_cost_a_part_its_note(tmp_path: Path) -> None:
    left_behind(tmp_path)
    temporary = note_of(tmp_path).with_suffix(".tmp")
    temporary.touch()
    os.utime(temporary, (0, 0))
    assert DiskStore(tmp_path).sweep(timedelta(hours=1)) == 1
    with closing(DiskStore(tmp_path).draft(KEY, MARK)) as draft:
        assert replayed(draft) == b"a,b\n"


def test_a_part_published_by_another_between_opening_and_locking_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.part"
    with part_file.lock(path):
        late = io.FileIO(path, "r+")
        path.rename(tmp_path / "artifact")
    with late:
        assert not part_file._is_ours(late, path)
    with part_file.lock(path) as file:
        assert os.path.samestat(os.fstat(file.fileno()), path.stat())


def test_a_part_whose_publication_broke_off_does_not_stay_behind_the_artifact(tmp_path: Path) -> None:
    (tmp_path / f"{KEY}.manifest.json").mkdir(parents=True)
    draft = DiskStore(tmp_path).draft(KEY, MARK)
    draft.remember(TAG)
    draft.write(b"a,b\n")
    with pytest.raises(StorageUnavailable):
        draft.publish(b"{}\n")
    draft.close()
    assert files(tmp_path) == [KEY]
