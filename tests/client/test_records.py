"""Promises of reading CSV row by row: as the csv module reads it whole, wherever it is cut."""

import csv
import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall_client import UnreadableRows
from landfall_client.records import Parser, _ByName

TEXT = st.text(st.sampled_from('a,"\r\n é\u2028\x85'), max_size=60)


def parsed(pieces: list[bytes], encoding: str = "utf-8") -> list[list[str]]:
    parser = Parser(encoding)
    rows = [row for piece in pieces for row in parser.feed(piece)]
    return rows + parser.feed(b"", final=True)


def whole(text: str) -> list[list[str]] | None:
    try:
        return [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    except csv.Error:
        return None


@given(TEXT, st.lists(st.integers(0, 120)))
def test_rows_are_those_of_the_csv_module_wherever_the_text_is_cut(text: str, cuts: list[int]) -> None:
    content = text.encode()
    places = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    pieces = [content[begin:end] for begin, end in itertools.pairwise(places)]
    expected = whole(text)
    if expected is None:
        with pytest.raises(UnreadableRows):
            parsed(pieces)
    else:
        assert parsed(pieces) == expected


def test_a_mark_at_the_beginning_is_no_part_of_the_first_name() -> None:
    assert parsed([b"\xef", b"\xbb\xbfid,x\r", b"\n1,2\r\n"], "utf-8-sig") == [["id", "x"], ["1", "2"]]


def test_an_encoding_that_does_not_fit_names_the_cure() -> None:
    with pytest.raises(UnreadableRows, match="encoding='latin-1'"):
        parsed([b"id\n\xe9\n"])
    assert parsed([b"id\n\xe9\n"], "latin-1") == [["id"], ["é"]]
    with pytest.raises(UnreadableRows, match="'utf-99' is not known"):
        Parser("utf-99")
    with pytest.raises(UnreadableRows, match="'hex' is not known"):
        Parser("hex")


def test_a_name_that_stands_twice_is_refused_for_dicts() -> None:
    with pytest.raises(UnreadableRows, match="names 'id' twice"):
        _ByName()([["id", "id"], ["1", "2"]])


def test_a_row_that_does_not_fit_the_header_is_refused_for_dicts() -> None:
    with pytest.raises(UnreadableRows, match="more or fewer fields"):
        _ByName()([["id", "x"], ["1"]])


def test_a_field_that_is_too_long_names_the_cure() -> None:
    with pytest.raises(UnreadableRows, match=r"more than 131072 letters; csv\.field_size_limit\(1048576\)"):
        parsed([b"id\n" + b"x" * 200_000])
