"""Checks that a CSV is measured exactly, however it is cut into chunks."""

import csv
import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.storage.measure import Measure

cells = st.text(st.sampled_from('ab",\n\r é€'), max_size=6)
tables = st.lists(st.lists(cells, min_size=2, max_size=3), max_size=8)


def measured(body: bytes, size: int) -> Measure:
    measure = Measure()
    for start in range(0, len(body), size):
        measure.update(body[start : start + size])
    return measure


@given(table=tables, end=st.sampled_from(["\n", "\r\n"]), last=st.booleans(), size=st.integers(1, 40))
def test_records_are_counted_as_the_csv_module_counts_them(
    table: list[list[str]],
    end: str,
    last: bool,  # noqa: FBT001 - hypothesis draws it
    size: int,
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(table)
    body = text.getvalue() if last else text.getvalue().removesuffix(end)
    measure = measured(body.encode(), size)
    assert measure.records == len(table)
    assert measure.rows == max(0, len(table) - 1)
    assert measure.columns == (tuple(table[0]) if table else ())
    assert measure.bytes == len(body.encode())
    assert measure.sha256 == hashlib.sha256(body.encode()).hexdigest()


@pytest.mark.parametrize(
    ("body", "rows", "columns"),
    [
        (b"", 0, ()),
        (b"id,name\n", 0, ("id", "name")),
        (b"id,name", 0, ("id", "name")),
        (b"\xef\xbb\xbfid,name\r\n1,x\r\n", 1, ("id", "name")),
        (b'id,"na\nme"\n1,"two\n\nlines"\n2,"say ""hi"""', 2, ("id", "na\nme")),
        (b"id\n1\n2\n3", 3, ("id",)),
    ],
)
def test_odd_files_are_measured(body: bytes, rows: int, columns: tuple[str, ...]) -> None:
    for size in (1, 2, 3, 1000):
        measure = measured(body, size)
        assert (measure.rows, measure.columns) == (rows, columns)


def test_a_file_without_a_newline_does_not_grow_in_memory() -> None:
    measure = measured(b"x" * (8 << 20), 1 << 20)
    assert len(measure._head) <= 3 << 20
