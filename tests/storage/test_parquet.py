"""Promises of the Parquet copy: every value is the text that stands in the CSV, and no manifest names one that is missing."""

import csv
import gzip
import importlib.util
import io
import json
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import zstandard

from landfall.exports.errors import CopyRefused, StorageFull, StorageUnavailable
from landfall.settings import SettingsError
from landfall.storage.content import read_content
from landfall.storage.disk import DiskStore
from landfall.storage.encodings import Encoding, stored_key
from landfall.storage.manifest import manifest
from landfall.storage.parquet import ParquetCopy, copy_of
from landfall.storage.parquet_writer import ParquetWriter, check_installed, column_names
from landfall.storage.store import Store
from landfall.storage.workspace import borrowed_folder, sweep_workspace
from tests.exports.jobs import make_job
from tests.storage.conftest import Place

PACK: dict[Encoding, Callable[[bytes], bytes]] = {
    "identity": lambda content: content,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}
WIDE = ",".join(f"c{number}" for number in range(200))


def read(path: Path) -> list[list[str]]:
    """The copy's header and records."""
    with duckdb.connect() as connection:
        found = connection.execute("SELECT * FROM read_parquet($1)", [str(path)])
        assert {str(column[1]) for column in found.description} == {"VARCHAR"}
        return [[column[0] for column in found.description], *map(list, found.fetchall())]


def copied(folder: Path, content: bytes, encoding: Encoding = "identity") -> list[list[str]]:
    source, target = folder / "source", folder / "it's [a] copy.parquet"
    source.write_bytes(PACK[encoding](content))
    rows = read_content([content], "identity").rows
    writer = ParquetWriter(folder)
    try:
        writer.write(source, target, encoding=encoding, rows=rows, plain_bytes=len(content))
    finally:
        writer.close()
    return read(target)


@pytest.mark.parametrize("encoding", list(PACK))
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"id,x\n00123,1.50\n7,1e3\n", id="numbers stay text"),
        pytest.param(b'id,x\n1,"a\nb, ""c"""\n2,\n"",NULL\n', id="quoted newlines and empty values"),
        pytest.param(b"\xef\xbb\xbfid,x\r\n1,2\r\n", id="BOM and CRLF"),
        pytest.param(b"id,x\r\n1,2\n3,4\r\n", id="line ends of two kinds"),
        pytest.param(b"id,x\n", id="header only"),
        pytest.param(b"id,x", id="header without a line end"),
        pytest.param(b"id\n1\n\n2\n", id="one column, an empty value"),
        pytest.param((WIDE + "\n" + (WIDE + "\n") * 3000).encode(), id="200 columns"),
        pytest.param('id,"x\ny\'s"\n1,é\n'.encode(), id="an odd header"),
    ],
)
def test_every_value_is_the_text_of_the_csv(tmp_path: Path, content: bytes, encoding: Encoding) -> None:
    records = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert copied(tmp_path, content, encoding) == [record or [""] for record in records]


def test_a_value_may_be_long(tmp_path: Path) -> None:
    assert copied(tmp_path, b"id,x\n1," + b"y" * 3_000_000 + b"\n")[1] == ["1", "y" * 3_000_000]


def test_blank_lines_are_no_records(tmp_path: Path) -> None:
    assert copied(tmp_path, b"\n\nid,x\n\n1,2\n\n\n") == [["id", "x"], ["1", "2"]]
    assert copied(tmp_path, b"id\n1\n\n2\n\n\n") == [["id"], ["1"], [""], ["2"]]


def test_the_delimiter_is_that_of_the_header(tmp_path: Path) -> None:
    assert copied(tmp_path, b"id;x\n1;a,b\n") == [["id", "x"], ["1", "a,b"]]
    assert copied(tmp_path, b"id\tx\n1\ta;b\n") == [["id", "x"], ["1", "a;b"]]


def test_what_is_no_utf_8_is_read_as_latin_1(tmp_path: Path) -> None:
    assert copied(tmp_path, b"id,x\n1,\xe9\n") == [["id", "x"], ["1", "é"]]


def test_names_that_are_empty_or_there_already_are_numbered() -> None:
    assert column_names(["id", "ID", "", "id_2", "x", "ID"]) == ["id", "ID_2", "column3", "id_2_2", "x", "ID_3"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(
            b"id,x\n1,private\rtext\n2,b\n",
            "a record is cut in two, as a carriage return inside an unquoted value does it",
            id="a carriage return in a value",
        ),
        pytest.param(b"id\n1\r2\n3\n", "it reads 3 records where the file has 2", id="one that ends a record"),
        pytest.param(
            b"id,x\n1," + b"private" * (3 << 20) + b"\n2,b\n",
            "one of its records is longer than 16 MiB",
            id="a record that is too long",
        ),
    ],
)
def test_a_csv_that_duckdb_cannot_read_is_refused_without_its_data(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(CopyRefused) as refusal:
        copied(tmp_path, content)
    assert str(refusal.value) == f"DuckDB cannot make a Parquet copy of the file: {reason}"


def test_a_disk_that_does_not_take_the_copy_is_no_refusal_of_the_csv(tmp_path: Path) -> None:
    (tmp_path / "it's [a] copy.parquet").mkdir()
    with pytest.raises(StorageUnavailable, match=r"^DuckDB could not write the Parquet copy: IOException$"):
        copied(tmp_path, b"id,x\n1,2\n")


def test_a_copy_that_no_room_is_left_for_says_so(tmp_path: Path) -> None:
    (tmp_path / "it's [a] copy.parquet").symlink_to("/dev/full")
    with pytest.raises(StorageFull, match="no room is left below LANDFALL_HOME"):
        copied(tmp_path, b"id,x\n1,2\n")


def test_without_duckdb_the_setting_is_named_and_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    check_installed("accounts.a.parquet")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SettingsError) as refusal:
        check_installed("accounts.a.parquet")
    assert str(refusal.value) == (
        "accounts.a.parquet: the Parquet copy needs DuckDB; install it with `pip install 'landfall[parquet]'` "
        "or set it to false."
    )


def publish(store: Store, content: bytes, encoding: Encoding = "identity") -> str:
    """Publish a CSV, and return its key."""
    key = stored_key("a/exp_1.csv", encoding)
    packed = PACK[encoding](content)
    found = read_content([packed], encoding)
    draft = store.draft(key, "1")
    draft.write(packed)
    draft.publish(manifest(make_job(), found, published_at=datetime.now(UTC), encoding=encoding, extra=found.extra))
    draft.close()
    return key


def extra(store: Store, key: str) -> Any:
    """What the manifest of a CSV says beyond its own facts."""
    return json.loads(store.manifest(store.uri(key)) or b"")["extra"]


@pytest.mark.parametrize("encoding", list(PACK))
def test_the_copy_lies_beside_its_csv_and_tells_so(place: Place, tmp_path: Path, encoding: Encoding) -> None:
    store, workspace = place.store, tmp_path / "tmp"
    key = publish(store, b"id,x\n00123,a\n", encoding)
    before = extra(store, key)
    ParquetCopy(store, key, workspace).make(make_job())
    assert extra(store, key) == {**before, "parquet": "a/exp_1.parquet"}
    copy = copy_of(store, store.uri(key))
    assert copy == store.uri("a/exp_1.parquet")
    (tmp_path / "o.parquet").write_bytes(b"".join(store.open(copy)))
    assert read(tmp_path / "o.parquet") == [["id", "x"], ["00123", "a"]]
    told = json.loads(store.manifest(copy) or b"")
    assert told["bytes"] == store.stat(copy)
    assert (told["rows"], told["columns"]) == (1, ["id", "x"])
    assert told["extra"] == {"copy_of": key.rpartition("/")[2]}
    assert list(workspace.iterdir()) == []
    assert len(place.visible()) == 4


def test_a_copy_that_is_there_is_left_as_it_is(folder: Place, tmp_path: Path) -> None:
    store = folder.store
    key = publish(store, b"id,x\n1,a\n")
    ParquetCopy(store, key, tmp_path / "tmp").make(make_job())
    path = store.local_path(store.uri("a/exp_1.parquet"))
    assert path
    os.utime(path, (1, 1))
    ParquetCopy(store, key, tmp_path / "tmp").make(make_job())
    assert path.stat().st_mtime == 1
    assert len(folder.visible()) == 4


def test_a_copy_whose_maker_died_before_it_was_named_is_named_by_the_next(folder: Place, tmp_path: Path) -> None:
    store = folder.store
    key = publish(store, b"id,x\n1,a\n")
    unnamed = store.manifest(store.uri(key)) or b""
    ParquetCopy(store, key, tmp_path / "tmp").make(make_job())
    store.describe(store.uri(key), unnamed)
    assert copy_of(store, store.uri(key)) == store.uri("a/exp_1.parquet")
    ParquetCopy(store, key, tmp_path / "none").make(make_job())
    assert extra(store, key) == {"parquet": "a/exp_1.parquet"}
    assert not (tmp_path / "none").exists()


def test_a_refused_copy_is_named_by_no_manifest_and_leaves_nothing(place: Place, tmp_path: Path) -> None:
    store = place.store
    key = publish(store, b"id,x\n1,a\rb\n")
    with pytest.raises(CopyRefused):
        ParquetCopy(store, key, tmp_path / "tmp").make(make_job())
    assert extra(store, key) == {}
    assert copy_of(store, store.uri(key)) is None
    assert place.visible() == ["a/exp_1.csv", "a/exp_1.csv.manifest.json"]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_file_without_a_manifest_can_have_no_copy(folder: Place, tmp_path: Path) -> None:
    key = publish(folder.store, b"id,x\n1,a\n")
    folder.store.describe(folder.store.uri(key), b"{}")
    with pytest.raises(CopyRefused, match="no manifest that could name it"):
        ParquetCopy(folder.store, key, tmp_path / "tmp").make(make_job())


def test_what_another_release_wrote_into_the_manifest_stays(folder: Place, tmp_path: Path) -> None:
    store = folder.store
    key = publish(store, b"id,x\n1,a\n")
    told = {**json.loads(store.manifest(store.uri(key)) or b""), "signature": "later"}
    store.describe(store.uri(key), json.dumps(told).encode())
    ParquetCopy(store, key, tmp_path / "tmp").make(make_job())
    assert json.loads(store.manifest(store.uri(key)) or b"") == {**told, "extra": {"parquet": "a/exp_1.parquet"}}


def test_a_copy_that_is_stopped_leaves_nothing_behind(folder: Place, tmp_path: Path) -> None:
    key = publish(folder.store, b"id,x\n" + b"1,a\n" * 1000)
    copy = ParquetCopy(folder.store, key, tmp_path / "tmp")
    copy.stop()
    with pytest.raises(StorageUnavailable, match="the worker was stopped"):
        copy.make(make_job())
    assert list((tmp_path / "tmp").iterdir()) == []
    assert len(folder.visible()) == 2
    assert folder.remains() == []


def test_a_copy_that_is_interrupted_ends(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"id,x\n" + b"1,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n" * 3_000_000)
    writer = ParquetWriter(tmp_path)
    ended = threading.Event()

    def interrupt() -> None:
        while not ended.wait(0.01):
            writer.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(StorageUnavailable, match="was interrupted"):
            writer.write(source, tmp_path / "o", encoding="identity", rows=3_000_000, plain_bytes=1 << 27)
    finally:
        ended.set()
        thread.join()
        writer.close()


def test_folders_of_a_dead_process_are_swept_and_others_stay(tmp_path: Path) -> None:
    assert sweep_workspace(tmp_path / "none", timedelta(0)) == 0
    stale = tmp_path / "copy-stale"
    for name in ("copy-stale", "of somebody else"):
        (tmp_path / name).mkdir()
    (stale / "source").write_bytes(b"x")
    for path in (stale / "source", stale, tmp_path / "of somebody else"):
        os.utime(path, (1, 1))
    with borrowed_folder(tmp_path) as busy:
        (busy / "source").write_bytes(b"x")
        os.utime(busy, (1, 1))
        assert sweep_workspace(tmp_path, timedelta(minutes=1)) == 1
        assert busy.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["of somebody else"]


def test_a_copy_in_a_folder_that_cannot_be_made_is_a_fault_of_the_store(folder: Place, tmp_path: Path) -> None:
    key = publish(folder.store, b"id,x\n1,a\n")
    (tmp_path / "tmp").write_bytes(b"in the way")
    with pytest.raises(StorageUnavailable):
        ParquetCopy(DiskStore(tmp_path / "files"), key, tmp_path / "tmp").make(make_job())
