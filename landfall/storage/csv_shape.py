"""Finds the shape of a CSV while it flows past: its columns, its records, and what proves that it is none."""

from copy import copy
from dataclasses import dataclass
from typing import Self

from landfall.storage.csv_fields import Fields
from landfall.storage.csv_header import MOST_BYTES, Header, HeaderRefused, find_header
from landfall.storage.csv_quotes import Quotes
from landfall.storage.digests import Chunk

# What is cut out of a piece stays in the cache of a core, and on the heap: larger blocks come as fresh pages from the
# system each time, which costs as much as the reading.
_PIECE_BYTES = 1 << 16
_UNCLOSED = "the file ends inside a quoted field"


@dataclass(frozen=True, slots=True)
class Shape:
    """What a file comes to if it ends here.

    `rows` are its records without the header, those up to the problem where there is one. `problem` is the first thing
    that proves it is no whole CSV; it names counts and no data. `whole` says that this is not an open quote at the end.
    """

    rows: int = 0
    columns: tuple[str, ...] = ()
    whole: bool = True
    problem: str | None = None
    bom: bool = False
    crlf: bool = False


class CsvShape:
    """Fed with the file's bytes in order, in bounded memory; `flaw` is the first thing that no further byte can mend.

    A record ends at a newline outside quotes, with or without a carriage return before it; a carriage return alone
    is text, and in the header a flaw. Behind a flaw nothing is looked at.
    """

    def __init__(self) -> None:
        """Start at the first byte."""
        self.flaw: str | None = None
        self._head = bytearray()
        self._header: Header | None = None
        self._quotes = Quotes(b",")
        self._fields = Fields(b",", 1)

    def feed(self, chunk: Chunk) -> None:
        """Take the next chunk; what is kept of it is copied."""
        view = memoryview(chunk)
        for start in range(0, len(view), _PIECE_BYTES):
            if self.flaw:
                return
            self._take(view[start : start + _PIECE_BYTES])

    def __copy__(self) -> Self:
        """One to be ended while this one is fed further."""
        twin = type(self)()
        parts = {"_head": self._head[:], "_quotes": copy(self._quotes), "_fields": copy(self._fields)}
        twin.__dict__.update(self.__dict__ | parts)
        return twin

    def end(self) -> Shape:
        """Take the end of the file; nothing is to be fed behind it."""
        if self._header is None and not self.flaw:
            self._begin(final=True)
        header = self._header
        if header is None:
            return Shape(problem=self.flaw)
        if not self.flaw:
            self._count(b"", final=True)
        unclosed = self._quotes.quoted or not header.whole
        problem = self.flaw or (_UNCLOSED if unclosed else self._fields.flaw_at_end)
        return Shape(
            rows=self._fields.rows,
            columns=header.columns,
            whole=problem != _UNCLOSED,
            problem=problem,
            bom=header.bom,
            crlf=header.crlf,
        )

    def _take(self, piece: memoryview) -> None:
        if self._header is None:
            self._head += piece
            # The header ends at a newline: without one there is no use in looking.
            if b"\n" in bytes(piece) or len(self._head) >= MOST_BYTES:
                self._begin(final=False)
        else:
            self._count(piece, final=False)

    def _begin(self, *, final: bool) -> None:
        try:
            header = find_header(bytes(self._head), final=final)
        except HeaderRefused as error:
            self.flaw = str(error)
            return
        if header is None:
            return
        self._header = header
        self._quotes = Quotes(header.delimiter)
        self._fields = Fields(header.delimiter, max(1, len(header.columns)))
        rest = bytes(self._head[header.size :])
        self._head.clear()
        self._count(rest, final=False)

    def _count(self, text: Chunk, *, final: bool) -> None:
        outside = self._quotes.cut(text, final=final)
        self._fields.take(outside)
        self.flaw = self._fields.flaw
