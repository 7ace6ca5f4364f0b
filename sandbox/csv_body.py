"""Gives a report its CSV body of any size, from a few own records and one block that repeats."""

import hashlib
import random
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Self

from sandbox.csv_records import header, records

_OWN_RECORDS = 8
# A server that makes more records than this at its first report keeps everybody else waiting meanwhile.
_MADE_BYTES = 16 * 1024
_COPIES = 16


@dataclass(frozen=True, slots=True)
class Block:
    """Records that every body of one report type shares; ``ends`` are the offsets behind each record."""

    data: bytes
    ends: tuple[int, ...]


@lru_cache(maxsize=32)
def _block(report_type: str, newline: str, seed: int) -> Block:
    rng = random.Random(f"{seed}:{report_type}:{newline!r}:block")  # noqa: S311 - repeatable test data
    data, ends = bytearray(), []
    for record in records(report_type, newline, rng):
        data += record
        ends.append(len(data))
        if len(data) >= _MADE_BYTES:
            break
    starts = (copy * len(data) for copy in range(_COPIES))
    return Block(bytes(data) * _COPIES, tuple(start + end for start in starts for end in ends))


@dataclass(frozen=True)
class CsvBody:
    """A CSV of known size, rows and checksum that is never held in memory as a whole."""

    identity: str
    heading: bytes
    own: bytes
    own_rows: int
    block: Block
    repeats: int
    tail_rows: int

    @classmethod
    def of(cls, report_type: str, identity: str, *, seed: int, at_most: int) -> Self:
        """Lay out the body: whole records up to ``at_most`` bytes, the header in any case."""
        rng = random.Random(f"{seed}:{identity}:body")  # noqa: S311 - repeatable test data
        newline = rng.choice(("\n", "\r\n"))
        heading, own, own_rows = header(report_type, newline), b"", 0
        for record in records(report_type, newline, rng):
            if own_rows == _OWN_RECORDS or len(heading) + len(own) + len(record) > at_most:
                break
            own, own_rows = own + record, own_rows + 1
        block = _block(report_type, newline, seed)
        repeats, rest = divmod(max(at_most - len(heading) - len(own), 0), len(block.data))
        return cls(identity, heading, own, own_rows, block, repeats, bisect_right(block.ends, rest))

    @cached_property
    def size(self) -> int:
        """Bytes of the whole body."""
        tail = self.block.ends[self.tail_rows - 1] if self.tail_rows else 0
        return len(self._front) + self.repeats * len(self.block.data) + tail

    @property
    def rows(self) -> int:
        """Data records of the whole body; the header is none of them."""
        return self.own_rows + self.repeats * len(self.block.ends) + self.tail_rows

    @cached_property
    def etag(self) -> str:
        """A strong entity tag (RFC 9110, section 8.8.3)."""
        return f'"{hashlib.sha256(f"{self.identity}:{self.size}".encode()).hexdigest()[:32]}"'

    @cached_property
    def sha256(self) -> str:
        """Checksum of the whole body; reads all of it the first time, so ask in a thread."""
        digest = hashlib.sha256()
        for piece in self.pieces(0, self.size):
            digest.update(piece)
        return digest.hexdigest()

    def pieces(self, start: int, stop: int) -> Iterator[memoryview]:
        """Yield the bytes from offset ``start`` up to ``stop``, at most a block at a time."""
        while start < stop:
            piece = self._from(start)[: stop - start]
            yield piece
            start += len(piece)

    @cached_property
    def _front(self) -> bytes:
        return self.heading + self.own

    def _from(self, offset: int) -> memoryview:
        if offset < len(self._front):
            return memoryview(self._front)[offset:]
        return memoryview(self.block.data)[(offset - len(self._front)) % len(self.block.data) :]
