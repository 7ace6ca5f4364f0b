"""Checks what is shown of a stored file: whole records from its beginning, and never more than it takes."""

import asyncio
import gzip
import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from api.pages.preview import MOST_COLUMNS, MOST_LETTERS, MOST_ROWS, Preview, Previews, read
from landfall.exports.job import Artifact
from landfall.storage.disk import DiskStore
from tests.asynchronous import run

ROWS = 20_000


def shown(folder: Path, content: bytes, name: str = "a.csv") -> Preview:
    """The preview of a file in a store on disk."""
    store = DiskStore(folder)
    draft = store.draft(name, "1")
    draft.write(content)
    uri = draft.publish(b"{}").uri
    draft.close()
    return read(store, uri)


def numbered(rows: int) -> bytes:
    return b"id,text\n" + b"".join(b"%d,some text of row %d\n" % (number, number) for number in range(rows))


def zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


@pytest.mark.parametrize(
    ("name", "packed"),
    [("a.csv", bytes), ("a.csv.gz", gzip.compress), ("a.csv.zst", zstd)],
    ids=["plain", "gzip", "zstd"],
)
@pytest.mark.parametrize("rows", [3, ROWS, 40 * ROWS])
def test_the_first_rows_of_a_file_are_shown_however_it_is_packed(
    tmp_path: Path, name: str, packed: type[bytes], rows: int
) -> None:
    preview = shown(tmp_path, packed(numbered(rows)), name)
    assert preview.columns == ["id", "text"]
    assert preview.rows == [[str(number), f"some text of row {number}"] for number in range(min(rows, MOST_ROWS))]
    assert preview.note == ""


def test_quoted_newlines_delimiters_and_quotes_stay_in_their_cell(tmp_path: Path) -> None:
    preview = shown(tmp_path, b'\xef\xbb\xbfid;text\r\n1;"two\r\nlines; and a ""quote"""\r\n2;b\r\n')
    assert preview.columns == ["id", "text"]
    assert preview.rows == [["1", 'two\r\nlines; and a "quote"'], ["2", "b"]]


def test_what_is_not_utf_8_is_read_as_latin_1(tmp_path: Path) -> None:
    preview = shown(tmp_path, "id,name\n1,Müller\n".encode("latin-1"))
    assert preview.rows == [["1", "Müller"]]


def test_a_letter_that_is_cut_at_the_end_does_not_make_the_file_latin_1(tmp_path: Path) -> None:
    preview = shown(tmp_path, "id,name\n1,Müller\n".encode() + "ü".encode() * (1 << 20))
    assert preview.rows == [["1", "Müller"]]


def test_a_record_that_is_cut_is_left_out(tmp_path: Path) -> None:
    preview = shown(tmp_path, b'id,text\n1,a\n2,"' + b"x" * (1 << 20) + b'"\n3,c\n')
    assert preview.rows == [["1", "a"]]


def test_a_first_record_that_is_too_long_is_told(tmp_path: Path) -> None:
    for content in (b"id,text\n1," + b"x" * (1 << 20) + b"\n", b"a," * (1 << 19) + b"a\n1\n"):
        preview = shown(tmp_path / str(len(content)), content)
        assert (list(preview.rows), preview.note) == (
            [],
            "Its first records are too long to be shown here; download the file.",
        )


def test_long_cells_and_many_columns_are_cut_and_it_is_told(tmp_path: Path) -> None:
    wide = ",".join(f"c{number}" for number in range(MOST_COLUMNS + 7))
    preview = shown(tmp_path, f"{wide}\n{'x' * 1000}{',' * (MOST_COLUMNS + 6)}\n".encode())
    assert (len(preview.columns), preview.hidden_columns, len(preview.rows[0])) == (MOST_COLUMNS, 7, MOST_COLUMNS)
    assert preview.rows[0][0] == "x" * (MOST_LETTERS - 1) + "…"


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (b"", "The file is empty: it has no header either."),
        (b"id,text\n", "The file has a header and no records."),
        (
            b"<html><body>no</body></html>",
            "No table can be made of it: the file is a page of markup, not a CSV in UTF-8.",
        ),
    ],
)
def test_a_file_without_records_says_so(tmp_path: Path, content: bytes, note: str) -> None:
    assert shown(tmp_path, content).note == note


def test_a_packed_file_that_is_damaged_says_so(tmp_path: Path) -> None:
    assert shown(tmp_path, gzip.compress(numbered(3))[:-12], "a.csv.gz").note.startswith(
        "The file is damaged: it ends before"
    )
    assert shown(tmp_path, b"no gzip at all", "b.csv.gz").note.startswith("The file is damaged: it cannot be unpacked")


def test_little_is_read_of_a_bomb(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        file.write(b"id\n")
        for _ in range(64):
            file.write(b"0" * (1 << 20))
    assert shown(tmp_path, packed.getvalue(), "a.csv.gz").rows == []


class Hanging(DiskStore):
    """A store that answers once it is let go."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.go_on = threading.Event()
        self.asked = 0

    def open(self, uri: str) -> Iterator[bytes]:
        self.asked += 1
        self.go_on.wait()
        return super().open(uri)


def test_a_store_that_hangs_keeps_a_few_threads_and_the_page_says_so(tmp_path: Path) -> None:
    store = Hanging(tmp_path)
    artifact = Artifact((tmp_path / "a.csv").as_uri(), 1, 1, "0" * 64, ("a",), empty=False)

    async def many() -> list[Preview]:
        previews = Previews(store, patience=0.05)
        try:
            return await asyncio.gather(*(previews.of(artifact) for _ in range(20)))
        finally:
            store.go_on.set()

    found = run(many())
    assert {each.note for each in found} == {"The store does not answer now; open the page again in a moment."}
    assert store.asked <= 4


def test_whoever_finds_all_readers_at_work_waits_for_one(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    draft = store.draft("a.csv", "1")
    draft.write(numbered(3))
    artifact = Artifact(draft.publish(b"{}").uri, 1, 1, "0" * 64, ("a",), empty=False)
    draft.close()

    async def many() -> list[Preview]:
        previews = Previews(store)
        return await asyncio.gather(*(previews.of(artifact) for _ in range(20)))

    assert {(len(each.rows), each.note) for each in run(many())} == {(3, "")}
