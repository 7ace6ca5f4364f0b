"""Finds the header of a CSV: its delimiter and the names of its columns."""

import codecs
import csv
import re
from dataclasses import dataclass

from landfall.storage.csv_quotes import Outside, Quotes

MOST_BYTES = 1 << 20
_FIELD = rb'(?:"[^"]*+(?:""[^"]*+)*+"?)?+[^%b\n]*+'
_FIRST_RECORD = {
    delimiter: re.compile(_FIELD % delimiter + rb"(?:%b" % delimiter + _FIELD % delimiter + rb")*+")
    for delimiter in (b",", b";", b"\t")
}
_FOREIGN = (
    (re.compile(rb"\s*<[A-Za-z!?/]"), "a page of markup"),
    (re.compile(rb'\s*(?:\{\s*(?:["}]|\Z)|\[\s*(?:[]\[{"]|\Z))'), "JSON"),
    (re.compile(rb"\x1f\x8b"), "gzip"),
    (re.compile(rb"PK\x03\x04"), "a ZIP archive"),
    (re.compile(rb"%PDF-"), "PDF"),
    (re.compile(rb"\xff\xfe|\xfe\xff"), "UTF-16"),
)


class HeaderRefused(ValueError):
    """What the file begins with is no header; the text says why."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first record that is not blank; `size` counts the bytes up to its line end, that and a BOM included."""

    columns: tuple[str, ...]
    delimiter: bytes
    size: int
    bom: bool = False
    crlf: bool = False
    whole: bool = True


def find_header(head: bytes, *, final: bool) -> Header | None:
    """The header, None while it may go on behind these bytes; one without columns where the file ends before it.

    The delimiter is the comma, or else the semicolon, or else the tab, whichever the header has. Raises HeaderRefused.
    """
    bom = head.startswith(codecs.BOM_UTF8)
    text = head[len(codecs.BOM_UTF8) if bom else 0 :].lstrip(b"\r\n")
    for pattern, name in _FOREIGN:
        if pattern.match(text):
            raise HeaderRefused(f"the file is {name}, not a CSV in UTF-8")
    readings = [_read(text, delimiter) for delimiter in _FIRST_RECORD]
    if not final and any(len(reading.record) == len(text) for reading in readings):
        if len(head) >= MOST_BYTES:
            raise HeaderRefused(f"the header does not end within {MOST_BYTES} bytes")
        return None
    reading = next((each for each in readings if each.delimiter in each.outside.marks), readings[0])
    return Header(
        columns=_columns(reading) if text and reading.whole else (),
        delimiter=reading.delimiter,
        size=min(len(head), len(head) - len(text) + len(reading.record) + 1),
        bom=bom,
        crlf=reading.record.endswith(b"\r"),
        whole=reading.whole,
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    delimiter: bytes
    record: bytes
    outside: Outside
    whole: bool


def _read(text: bytes, delimiter: bytes) -> _Reading:
    match = _FIRST_RECORD[delimiter].match(text)
    record = match[0] if match else b""
    quotes = Quotes(delimiter)
    outside = quotes.cut(record, final=True)
    return _Reading(delimiter, record, outside, not quotes.quoted)


def _columns(reading: _Reading) -> tuple[str, ...]:
    if reading.outside.stray:
        raise HeaderRefused("the header has a quoted name that runs over lines and goes on behind its closing quote")
    if b"\r" in reading.outside.text.removesuffix(b"\r"):
        raise HeaderRefused("the header has a carriage return that no newline follows; lines end in CRLF or LF")
    line = reading.record.removesuffix(b"\r")
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = line.decode("latin-1")
    try:
        return tuple(next(csv.reader([text], delimiter=reading.delimiter.decode())))
    except csv.Error:
        raise HeaderRefused(f"the header has a name of more than {csv.field_size_limit()} letters") from None
