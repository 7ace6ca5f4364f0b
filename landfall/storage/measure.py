"""Measures a CSV while it flows past: bytes, records, SHA-256 and the names of its columns."""

import csv
import hashlib
import io

_QUOTE = b'"'
_DROPPED = bytes(byte for byte in range(256) if byte not in b'"\n')
_HEADER_LIMIT = 1 << 20


class Measure:
    """Fed with the file's chunks in order; exact at any size, in bounded memory.

    A record ends at a newline outside quotes (RFC 4180). Only quotes and newlines are kept of each chunk, quotes that
    stand side by side cancel out, and newlines count where an even number of quotes precedes them.
    """

    def __init__(self) -> None:
        """Start at the first byte."""
        self.bytes = 0
        self._sha256 = hashlib.sha256()
        self._newlines = 0
        self._quoted = False
        self._last = b""
        self._head = bytearray()
        self._head_open = True

    def update(self, chunk: bytes) -> None:
        """Take the next chunk."""
        if not chunk:
            return
        self.bytes += len(chunk)
        self._sha256.update(chunk)
        if self._head_open:
            self._keep_head(chunk)
        self._count(chunk)
        self._last = chunk[-1:]

    @property
    def whole(self) -> bool:
        """Whether the last record is complete: no quote is left open."""
        return not self._quoted

    @property
    def sha256(self) -> str:
        """The digest in hexadecimal."""
        return self._sha256.hexdigest()

    @property
    def records(self) -> int:
        """Records so far, the header among them; a last one without a newline counts."""
        return self._newlines + int(self.bytes > 0 and self._last != b"\n")

    @property
    def rows(self) -> int:
        """Data records: all but the header."""
        return max(0, self.records - 1)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names in the header, none where it is not one."""
        text = bytes(self._head).decode("utf-8-sig", errors="replace")
        try:
            return tuple(next(csv.reader(io.StringIO(text, newline="")), ()))
        except csv.Error:  # a field beyond the module's limit of 128 KiB names no column
            return ()

    def _count(self, chunk: bytes) -> None:
        marks = chunk.translate(None, _DROPPED)
        while b'""' in marks:
            marks = marks.replace(b'""', b"")
        for position, run in enumerate(marks.split(_QUOTE)):
            if position:
                self._quoted = not self._quoted
            if not self._quoted:
                self._newlines += len(run)

    def _keep_head(self, chunk: bytes) -> None:
        before = self._newlines, self._quoted
        for line in chunk.splitlines(keepends=True):
            self._head += line
            self._count(line)
            if self._newlines or len(self._head) > _HEADER_LIMIT:
                self._head_open = False
                break
        self._newlines, self._quoted = before
