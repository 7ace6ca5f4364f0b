"""Makes of a report's CSV the bodies that download hosts send when something is odd about them."""

import csv
import gzip
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

_XML = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>InternalError</Code></Error>'
_JSON = b'{"error": "try again later"}'
_BOMB_BYTES = 32 << 20
_OTHER_ETAG = '"of-another-file"'


@dataclass(frozen=True, slots=True)
class Csv:
    """A report's CSV in memory; ``start`` is the offset that the request asks for, 0 where it asks for none."""

    heading: bytes
    records: bytes
    etag: str
    start: int = 0

    @property
    def whole(self) -> bytes:
        """All of its bytes."""
        return self.heading + self.records

    @property
    def columns(self) -> int:
        """How many columns the header names."""
        return self.heading.count(b",") + 1


@dataclass(frozen=True, slots=True)
class OddBody:
    """An answer byte by byte; ``length`` is what Content-Length says, None where there is no such header."""

    content: bytes
    length: int | None
    status: int = 200
    etag: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def _plain(change: Callable[[Csv], bytes]) -> Callable[[Csv], OddBody]:
    def make(body: Csv) -> OddBody:
        content = change(body)
        return OddBody(content, len(content))

    return make


def _gzip(pack: Callable[[Csv], bytes]) -> Callable[[Csv], OddBody]:
    def make(body: Csv) -> OddBody:
        packed = pack(body)
        return OddBody(packed, len(packed), headers={"Content-Encoding": "gzip"})

    return make


def _cut_gzip(body: Csv) -> bytes:
    packed = gzip.compress(body.whole, mtime=0)
    return packed[: len(packed) // 2]


@lru_cache(maxsize=1)
def _bomb(heading: bytes) -> bytes:
    return gzip.compress(heading + bytes(_BOMB_BYTES), mtime=0)


def _newline(body: Csv) -> bytes:
    return b"\r\n" if body.heading.endswith(b"\r\n") else b"\n"


def _other_newline(body: Csv) -> bytes:
    return body.heading.rstrip(b"\r\n") + (b"\n" if _newline(body) == b"\r\n" else b"\r\n") + body.records


def _record(body: Csv, fields: int) -> bytes:
    return b",".join([b"1"] * fields) + _newline(body)


def _widened(body: Csv, first: int) -> bytes:
    """Give each record from the ``first`` on (the header is number 0) one more field in its middle."""
    rows = list(csv.reader(io.StringIO(body.whole.decode(), newline="")))
    middle = body.columns // 2
    for number, row in enumerate(rows):
        if number >= first:
            row.insert(middle, "new" if number else "new_column")
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=_newline(body).decode()).writerows(rows)
    return text.getvalue().encode()


def _other_etag(body: Csv) -> OddBody:
    whole = body.whole
    rest = whole[body.start :]
    span = {"Content-Range": f"bytes {body.start}-{len(whole) - 1}/{len(whole)}"}
    return OddBody(rest, len(rest), 206 if body.start else 200, _OTHER_ETAG, span if body.start else {})


ODD_BODIES: Mapping[str, Callable[[Csv], OddBody]] = {
    "too_long": lambda body: OddBody(body.whole, len(body.whole) - 10),
    "unframed": lambda body: OddBody(body.whole[: len(body.whole) // 2], None),
    "gzip_cut": _gzip(_cut_gzip),
    "gzip_members": _gzip(lambda body: gzip.compress(body.heading) + gzip.compress(body.records)),
    "gzip_bomb": _gzip(lambda body: _bomb(body.heading)),
    "xml_error": _plain(lambda _: _XML),
    "json_error": _plain(lambda _: _JSON),
    "bom": _plain(lambda body: b"\xef\xbb\xbf" + body.whole),
    "mixed_newlines": _plain(_other_newline),
    "no_last_newline": _plain(lambda body: body.whole.rstrip(b"\r\n")),
    "open_quote": _plain(lambda body: body.whole + b'"' + _record(body, body.columns)),
    "too_many_fields": _plain(lambda body: body.whole + _record(body, body.columns + 1)),
    "too_few_fields": _plain(lambda body: body.whole + _record(body, body.columns - 1)),
    "nul_bytes": _plain(lambda body: body.heading + b"\0\0" + body.records),
    "latin_1": _plain(lambda body: body.heading + b"\xe4" + body.records),
    "carriage_return": _plain(lambda body: body.heading + b"a\rb" + body.records),
    "new_column": _plain(lambda body: _widened(body, 0)),
    "new_column_midway": _plain(lambda body: _widened(body, body.records.count(b"\n") // 4)),
    "range_ignored": lambda body: OddBody(body.whole, len(body.whole), etag=body.etag),
    "range_refused": lambda body: OddBody(b"", 0, 416, headers={"Content-Range": f"bytes */{len(body.whole)}"}),
    "other_etag": _other_etag,
}
