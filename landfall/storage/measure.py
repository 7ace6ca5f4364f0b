"""Measures a CSV while it flows past: bytes, checksums, records, columns, and what proves that it is not whole."""

import hashlib
from collections.abc import Iterable
from copy import copy

from landfall.storage.csv_shape import CsvShape, Shape
from landfall.storage.digests import Chunk, new_digest
from landfall.storage.header_change import header_hash

# Hashing lets go of the interpreter's lock, reading the records does not: in turns, no other thread waits long for it.
_TURN_BYTES = 1 << 17


class Measure:
    """Fed with the file's chunks in order; exact at any size, in bounded memory, from one thread at a time.

    What it says of the shape holds if the file ends with the last chunk so far. `flaw` alone may be asked while the
    file is under way: it stands as soon as no further byte can make the file a CSV.
    """

    def __init__(self, digests: Iterable[str] = ()) -> None:
        """Start at the first byte; `digests` names checksums beside SHA-256. Raises ValueError for an unknown one."""
        self.bytes = 0
        self._sha256 = hashlib.sha256()
        self._digests = {name: new_digest(name) for name in digests if name != "sha256"}
        self._csv = CsvShape()
        self._shape: Shape | None = None

    def update(self, chunk: Chunk) -> None:
        """Take the next chunk."""
        self._shape = None
        view = memoryview(chunk)
        self.bytes += view.nbytes
        for start in range(0, view.nbytes, _TURN_BYTES):
            piece = view[start : start + _TURN_BYTES]
            self._sha256.update(piece)
            for digest in self._digests.values():
                digest.update(piece)
            self._csv.feed(piece)

    @property
    def sha256(self) -> str:
        """The digest in hexadecimal."""
        return self._sha256.hexdigest()

    def digest(self, name: str) -> bytes:
        """The checksum of that name. Raises KeyError where it was not asked for at the start."""
        return self._sha256.digest() if name == "sha256" else self._digests[name].digest()

    @property
    def shape(self) -> Shape:
        """Everything that is known of the CSV if it ends here."""
        if self._shape is None:
            self._shape = copy(self._csv).end()
        return self._shape

    @property
    def rows(self) -> int:
        """Records without the header and without blank lines; up to the problem, where there is one."""
        return self.shape.rows

    @property
    def columns(self) -> tuple[str, ...]:
        """The names in the header, none where there is no header."""
        return self.shape.columns

    @property
    def header_hash(self) -> str:
        """The header's fingerprint: the same for the same names in the same order; empty where there is no header."""
        return header_hash(self.columns)

    @property
    def empty(self) -> bool:
        """No byte, or a header only."""
        return self.rows == 0

    @property
    def whole(self) -> bool:
        """Whether the file does not end inside a quoted field."""
        return self.shape.whole

    @property
    def bom(self) -> bool:
        """Whether the file begins with the byte order mark of UTF-8."""
        return self.shape.bom

    @property
    def crlf(self) -> bool:
        """Whether the header's line ends in CRLF."""
        return self.shape.crlf

    @property
    def flaw(self) -> str | None:
        """The first thing so far that no further byte can mend; cheap, and None as long as there is hope."""
        return self._csv.flaw

    @property
    def problem(self) -> str | None:
        """The first thing that proves that the file is no whole CSV, in words that hold no data; None for a sound file."""
        return self.shape.problem
