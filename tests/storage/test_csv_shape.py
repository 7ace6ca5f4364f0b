"""Checks that records, columns and problems of a CSV are found as a reader by letters finds them, however it is cut."""

import csv
import io
from typing import Literal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from landfall.storage import csv_quotes
from landfall.storage.csv_shape import CsvShape, Shape
from tests.storage import csv_by_letters

PIECES = ["a", "f", "é", "\0", '"', '"', '""', ",", ",", "\n", "\r\n", '"\n', '\n"', ',"', '",']
texts = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
headers = st.sampled_from(["a\n", "a,a\n", 'a,"a\n",a\r\n', '"a,""a",a\n'])
# A carriage return alone is text, but none that a header may have.
whole_texts = texts | st.builds("{}{}".format, headers, st.lists(st.sampled_from([*PIECES, "\r"])).map("".join))
cells = st.text(st.sampled_from('ab",;\n\r\t é€\0'), max_size=6)


def shape(body: bytes, size: int | None = None) -> Shape:
    csv_shape = CsvShape()
    for start in range(0, len(body), size or len(body) or 1):
        csv_shape.feed(body[start : start + (size or len(body))])
    return csv_shape.end()


@settings(max_examples=600)
@given(text=whole_texts, data=st.data())
def test_any_text_is_read_as_by_letters_in_chunks_of_any_size(text: str, data: st.DataObject) -> None:
    body = text.encode()
    size = data.draw(st.integers(1, len(body) + 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_quotes, "_MOST_BYTES_HELD", data.draw(st.integers(0, 9)))
        patch.setattr(csv_quotes, "_CHUNKS_WITHOUT_SHORT_CUT", data.draw(st.integers(0, 2)))
        for shorter_way in data.draw(st.sampled_from([(), ("_by_short_cut",), ("_by_short_cut", "_by_rule")])):
            patch.setattr(csv_quotes.Quotes, shorter_way, lambda *_: None)
        found = shape(body, size)
    rows, problem = csv_by_letters.expected(text)
    assert found.problem == problem
    assert found.whole == (problem != "the file ends inside a quoted field")
    assert found.rows == rows or not found.whole


@settings(max_examples=300)
@given(text=texts)
def test_the_reader_by_letters_counts_as_the_csv_module_does(text: str) -> None:
    reading = csv_by_letters.read(text)
    fields = [max(1, len(row)) for row in csv.reader(io.StringIO(text, newline=""))]
    # At the end of an open record csv.reader makes one of what is there, unless nothing is.
    assert [record.fields for record in reading.records] == fields


@settings(max_examples=300)
@given(
    columns=st.integers(1, 4),
    data=st.data(),
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
)
def test_what_the_csv_module_writes_is_found_whole(
    columns: int, data: st.DataObject, delimiter: str, end: str, quoting: Literal[0, 1, 2]
) -> None:
    assume(columns > 1 or delimiter == ",")  # one column alone does not show its file's delimiter
    table = data.draw(st.lists(st.lists(cells, min_size=columns, max_size=columns), max_size=8))
    # Python before 3.13 leaves a carriage return unquoted where lines end in a newline.
    safe = [[cell if quoting != csv.QUOTE_MINIMAL else cell.replace("\r", "") for cell in row] for row in table]
    header = [f"{number} name" for number in range(columns)]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, delimiter=delimiter, quoting=quoting).writerows([header, *safe])
    last_newline = data.draw(st.booleans())
    body = text.getvalue() if last_newline else text.getvalue().removesuffix(end)
    found = shape(body.encode(), data.draw(st.integers(1, 60)))
    assert found == Shape(len(table), tuple(header), crlf=end == "\r\n" and (last_newline or bool(table)))


@pytest.mark.parametrize(
    ("body", "rows", "columns"),
    [
        (b"", 0, ()),
        (b"\xef\xbb\xbf", 0, ()),
        (b"\r\n\n", 0, ()),
        (b"id,name\n", 0, ("id", "name")),
        (b"id,name", 0, ("id", "name")),
        (b"\xef\xbb\xbfid,name\r\n1,x\r\n", 1, ("id", "name")),
        (b'\xef\xbb\xbf"id","name"\r\n1,x\r\n', 1, ("id", "name")),
        (b"\n\r\nid,name\n1,x\n", 1, ("id", "name")),
        (b'id,"na\nme"\n1,"two\n\nlines"\n2,"say ""hi"""', 2, ("id", "na\nme")),
        (b"id,name\r\n1,x\n2,y\r\n3,z", 3, ("id", "name")),
        (b"id,name\n1,x\n\n2,y\n\r\n\n", 2, ("id", "name")),
        (b"id\n1\n2\n3", 3, ("id",)),
        (b"id\n1\n\n3\n\n\r\n", 3, ("id",)),
        (b'id\n1\n""\n\n', 2, ("id",)),
        (b"id,name\n1,\0\n\0,y\n", 2, ("id", "name")),
        (b"id,gr\xf6\xdfe\n1,\xe9\n", 1, ("id", "größe")),
        ("id,größe\n1,é\n".encode(), 1, ("id", "größe")),
        (b'id,name\n1,5" nail\n2,6" nail\n', 2, ("id", "name")),
        (b'id,name\n1,"best" nail\n2,x\n', 2, ("id", "name")),
        (b"id;name\n1;a,b\n", 1, ("id", "name")),
        (b'"id,no";"name"\n1;2,3\n', 1, ("id,no", "name")),
        (b"id\tname\n1\ta,b;c\n", 1, ("id", "name")),
        (b"id,a;b\n1,2\n", 1, ("id", "a;b")),
        (b"[id],[name]\n1,x\n", 1, ("[id]", "[name]")),
        (b"id,\n1,\n", 1, ("id", "")),
    ],
)
def test_odd_files_are_whole(body: bytes, rows: int, columns: tuple[str, ...]) -> None:
    for size in (1, 2, 3, 1000):
        found = shape(body, size)
        assert (found.rows, found.columns, found.problem, found.whole) == (rows, columns, None, True)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b'id,name\n1,"x\n2,y\n', "the file ends inside a quoted field"),
        (b'id,"name\n1,x\n2,y\n', "the file ends inside a quoted field"),
        (b"id,name\n1,x\n2\n", "record 2 has 1 field, the header has 2"),
        (b"id,name\n1,x\n2,y,z\n3,z\n", "record 2 has 3 fields, the header has 2"),
        (b"id,a,b\n1,x,y\n2,x", "record 2, the last, has 2 fields, the header has 3"),
        (b"id,name\n1,x\nid,new,name\n2,z,y\n", "record 2 has 3 fields, the header has 2"),
        (b"id\n1\n2,3\n", "record 2 has 2 fields, the header has 1"),
        (
            b'id,size,name\n1,"5 inch,x\n2,27" tv,y\n',
            "record 1 has a quoted field that runs over lines and goes on behind its closing quote",
        ),
        (
            b"id,name\r1,x\r",
            "the header has a carriage return that no newline follows; lines end in CRLF or LF",
        ),
        (b"<!DOCTYPE html>\n<html></html>", "the file is a page of markup, not a CSV in UTF-8"),
        (b'\xef\xbb\xbf\r\n <?xml version="1.0"?><Error/>', "the file is a page of markup, not a CSV in UTF-8"),
        (b"<Error><Code>AccessDenied</Code></Error>\n", "the file is a page of markup, not a CSV in UTF-8"),
        (b'{"message": "Forbidden"}', "the file is JSON, not a CSV in UTF-8"),
        (b'{\n  "message": "a, b"\n}\n', "the file is JSON, not a CSV in UTF-8"),
        (b'[{"id": 1}]\n', "the file is JSON, not a CSV in UTF-8"),
        (b"\x1f\x8b\x08\x00\n\n", "the file is gzip, not a CSV in UTF-8"),
        ("id,name\n1,x\n".encode("utf-16"), "the file is UTF-16, not a CSV in UTF-8"),
    ],
)
def test_what_is_no_whole_csv_is_named_without_its_data(body: bytes, problem: str) -> None:
    for size in (1, 2, 3, 1000):
        assert shape(body, size).problem == problem


def test_a_flaw_stands_before_the_end_and_an_open_quote_is_none() -> None:
    csv_shape, flaws = CsvShape(), []
    for chunk in (b'id,name\n1,"x', b'"\n2\n3,', b"y\n4"):
        csv_shape.feed(chunk)
        flaws.append(csv_shape.flaw)
    flaw = "record 2 has 1 field, the header has 2"
    assert flaws == [None, flaw, flaw]
    assert csv_shape.end().rows == 1


@pytest.mark.parametrize("shorter_ways", [("_by_short_cut",), ("_by_short_cut", "_by_rule")])
def test_a_quoted_field_over_lines_is_known_as_such_chunks_later(
    monkeypatch: pytest.MonkeyPatch, shorter_ways: tuple[str, ...]
) -> None:
    monkeypatch.setattr(csv_quotes, "_MOST_BYTES_HELD", 0)
    for shorter_way in shorter_ways:
        monkeypatch.setattr(csv_quotes.Quotes, shorter_way, lambda *_: None)
    csv_shape = CsvShape()
    for chunk in (b'a,b\n1,"x\n', b"y", b'z" tv\n'):
        csv_shape.feed(chunk)
    assert csv_shape.flaw == "record 1 has a quoted field that runs over lines and goes on behind its closing quote"


def test_a_cut_at_any_byte_is_seen_unless_whole_records_and_fields_are_left() -> None:
    body = b'id,"na""me",c\r\n1,"x, ""y""\n",z\n2,"",""\r\n'
    for end in range(len(body)):
        rows, problem = csv_by_letters.expected(body[:end].decode())
        found = shape(body[:end], 5)
        assert found.problem == problem
        assert found.rows == rows or not found.whole


@pytest.mark.parametrize("size", [1 << 20, 70_001, 5 << 20])
def test_large_chunks_of_every_kind_are_counted(size: int) -> None:
    kinds = [b"1,x,y\n", b'"2","x","y"\r\n', b'3,"a,\n""b""",y\n', b'4,5" nail,y\n', b'5,"best" nail,"a,b"\n']
    many = [kind * 30_000 for kind in kinds]
    for first in range(len(many)):
        found = shape(b"a,b,c\n" + b"".join(many[first:] + many[:first]), size)
        assert (found.rows, found.problem) == (150_000, None)


@pytest.mark.parametrize(
    ("line", "rows", "problem"),
    [
        (b"x" * (3 << 20), 1, None),
        (b'"' + b'""' * (2 << 20) + b'"', 1, None),
        (b'"' + b"x,\n" * (1 << 20) + b'"', 1, None),
        (b'"' + b'x,"",\n' * (1 << 19), 1, "the file ends inside a quoted field"),
        (b"," * (3 << 20), 0, f"record 1, the last, has {(3 << 20) + 2} fields, the header has 2"),
    ],
)
def test_a_record_larger_than_memory_may_be_is_not_kept(line: bytes, rows: int, problem: str | None) -> None:
    csv_shape = CsvShape()
    csv_shape.feed(b"a,b\n")
    for start in range(0, len(line), 1 << 18):
        csv_shape.feed(line[start : start + (1 << 18)])
        assert len(csv_shape._quotes._held) <= 1 << 16
    csv_shape.feed(b",x")
    found = csv_shape.end()
    assert (found.rows, found.problem) == (rows, problem) or not found.whole
    assert found.problem == problem


def test_a_header_without_an_end_is_refused_and_not_kept() -> None:
    csv_shape = CsvShape()
    for _ in range(8):
        csv_shape.feed(b"x" * (1 << 18))
    assert csv_shape.flaw == "the header does not end within 1048576 bytes"
    assert len(csv_shape._head) <= 1 << 20
