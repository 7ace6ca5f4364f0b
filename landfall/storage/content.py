"""Tells a file as it lies in the store, its size and checksum, together with the CSV that is packed in it."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from landfall.storage.encodings import Encoding
from landfall.storage.measure import Measure
from landfall.storage.packing import CannotUnpack, unpacked


@dataclass(frozen=True, slots=True)
class Content:
    """A stored file: `bytes` and `sha256` are those of the file as it lies there, the rest is told of the CSV.

    `problem` says why a packed file could be unpacked to some point only.
    """

    encoding: Encoding
    bytes: int
    sha256: str
    plain_bytes: int
    plain_sha256: str
    rows: int
    columns: tuple[str, ...]
    empty: bool
    header_hash: str
    problem: str | None = None

    @property
    def extra(self) -> dict[str, Any]:
        """What a manifest says of a packed file beyond its own size and checksum."""
        if self.encoding == "identity":
            return {}
        return {"plain_bytes": self.plain_bytes, "plain_sha256": self.plain_sha256}


class Tally:
    """Counts the bytes that pass and makes their SHA-256."""

    def __init__(self) -> None:
        """Start at the first byte."""
        self.bytes = 0
        self._sha256 = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The digest in hexadecimal."""
        return self._sha256.hexdigest()

    def update(self, chunk: bytes) -> None:
        """Take the next chunk."""
        self.bytes += len(chunk)
        self._sha256.update(chunk)

    def passing(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks, each counted before it is handed on."""
        for chunk in chunks:
            self.update(chunk)
            yield chunk


def content_of(measure: Measure, packed: Tally | None = None, encoding: Encoding = "identity") -> Content:
    """What was measured of a CSV, and of the file that it was packed into."""
    return Content(
        encoding=encoding,
        bytes=(packed or measure).bytes,
        sha256=(packed or measure).sha256,
        plain_bytes=measure.bytes,
        plain_sha256=measure.sha256,
        rows=measure.rows,
        columns=measure.columns,
        empty=measure.empty,
        header_hash=measure.header_hash,
    )


def read_content(chunks: Iterable[bytes], encoding: Encoding) -> Content:
    """Read a stored file to its end, whatever is wrong with what is packed in it."""
    measure = Measure()
    if encoding == "identity":
        for chunk in chunks:
            measure.update(chunk)
        return content_of(measure)
    tally = Tally()
    passing = tally.passing(chunks)
    problem = None
    try:
        for plain in unpacked(passing, encoding):
            measure.update(plain)
    except CannotUnpack as error:
        problem = str(error)
        for _ in passing:
            pass
    return replace(content_of(measure, tally, encoding), problem=problem)
