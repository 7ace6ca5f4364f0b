"""Brings one file into a sink, over as many answers as it takes."""

from collections.abc import Collection, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

import httpx

from landfall.exports.errors import DownloadRefused, TransferBroken
from worker.transfer.body import chunks, hand_over
from worker.transfer.checksums import Proof
from worker.transfer.decoding import Decoder
from worker.transfer.heads import Head, read_head
from worker.transfer.patience import BrokeOff, Pace, Patience, Resumptions

Checksums = Mapping[str, bytes]

_BLANK = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"


class Sink(Protocol):
    """Takes the file, unpacked. Its errors pass through a fetch as they are."""

    @property
    def held(self) -> int:
        """Bytes safely held so far."""

    @property
    def tag(self) -> str | None:
        """The tag of the last `begin`, where what is held came under it."""

    async def begin(self, tag: str | None, digests: Collection[str], /) -> None:
        """Drop what is held: a body starts at byte 0.

        Under `tag`, if there is one, its rest may be asked for later. `digests` names what the checksums of `Whole`
        will have to be compared with, as landfall.storage.digests does.
        """

    async def keep(self, chunk: bytes, /) -> None:
        """Take the next bytes, about 1 MiB."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A file that came to its end: its size and strong ETag.

    `checksums` are those that its host announced and the sink still has to compare: those that its last `begin` named.
    """

    bytes: int
    checksums: Checksums
    tag: str | None


class Course:
    """One fetch, over as many requests as it takes."""

    def __init__(self, sink: Sink, patience: Patience, max_file_bytes: int | None) -> None:
        """Go on from what the sink holds, if it came under a tag."""
        self._sink = sink
        self._patience = patience
        self._most = max_file_bytes
        self._resumptions = Resumptions(patience, sink.held)
        self._tag = sink.tag if sink.held else None
        self._total: int | None = None
        self._checksums: Checksums = {}
        self._looked = self._tag is not None
        self._offset = sink.held
        self._stop: int | None = None

    @property
    def wanted(self) -> dict[str, str]:
        """The headers that ask for what is missing."""
        if self._tag is None or not self._sink.held:
            return {}
        return {"range": f"bytes={self._sink.held}-", "if-range": self._tag}

    async def pause_after(self, broken: BrokeOff) -> None:
        """Wait before the next request. Raises `broken` where there is no use in one."""
        await self._resumptions.pause_after(broken, self._sink.held)

    async def take(self, response: httpx.Response) -> Whole | None:
        """Receive an answer; None where it cannot continue what is held, so that the whole has to be asked for."""
        asked_for_rest = bool(self.wanted)
        head = await read_head(response)
        if head.status != httpx.codes.OK:
            if not asked_for_rest:
                raise TransferBroken(f"the download host answered {head.status} to a request for the whole file")
            if not self._continue(head):
                self._tag = None
                return None
            tag = self._tag
        else:
            await self._begin(head)
            tag = head.tag
        await self._receive(head, response)
        return Whole(self._sink.held, self._checksums, tag)

    def _continue(self, head: Head) -> bool:
        """Whether the answer goes on exactly where the held bytes end (RFC 9110, 15.3.7)."""
        span = head.span
        if head.status != httpx.codes.PARTIAL_CONTENT or span is None or head.encoding is not None:
            return False
        total = self._total if span.total is None else span.total
        if head.tag != self._tag or span.start != self._sink.held or total is None or self._total not in {None, total}:
            return False
        if not span.start < span.stop <= total:
            return False
        self._total, self._stop, self._offset = total, span.stop, span.start
        self._check_size(total)
        return True

    async def _begin(self, head: Head) -> None:
        self._resumptions.begin()
        if not head.framed and not head.checksums:
            raise TransferBroken(
                "the download host announced neither a length nor a checksum, so that a cut file would look whole; "
                "it has to send Content-Length, chunks or Content-MD5"
            )
        plain = head.encoding is None
        self._tag = head.tag if plain and head.framed else None
        self._total = self._stop = head.length if plain else None
        self._check_size(self._total or 0)
        # Those of a packed body are of no use to the sink; they are compared on the way.
        self._checksums = head.checksums if plain else {}
        self._looked, self._offset = False, 0
        await self._sink.begin(self._tag, self._checksums)

    async def _receive(self, head: Head, response: httpx.Response) -> None:
        decoder = None if head.encoding is None else Decoder(head.encoding)
        # The sink sees neither a packed body nor whether an unframed one was cut.
        proof = Proof(head.checksums) if decoder or not (head.framed or head.span) else None
        async with aclosing(chunks(response, Pace(self._patience), decoder, proof)) as stream:
            await hand_over(stream, self._check_chunk, self._sink.keep)
        if self._stop is not None and self._offset < self._stop:
            raise BrokeOff(f"the file ended after {self._offset} of {self._total} bytes")
        if self._total is not None and self._offset < self._total:
            raise BrokeOff(f"the download host sent only a part, up to byte {self._offset} of {self._total}")

    def _check_chunk(self, chunk: bytes) -> None:
        if not self._looked:
            start = chunk.lstrip(_BLANK)[:1]
            if start in {b"<", b"{"}:
                raise TransferBroken("a page or an error message came instead of a CSV file")
            self._looked = bool(start)
        self._offset += len(chunk)
        self._check_size(self._offset)
        if self._stop is not None and self._offset > self._stop:
            raise TransferBroken(f"the download host sent more than the {self._stop} bytes that it announced")
        self._resumptions.moved()

    def _check_size(self, size: int) -> None:
        if self._most is not None and size > self._most:
            raise DownloadRefused(f"the file has {size} bytes or more, the account's max_file_bytes is {self._most}")
