"""Reads the first records of a stored file, and never more than its beginning."""

import asyncio
import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

from landfall.exports.errors import StorageUnavailable
from landfall.exports.job import Artifact
from landfall.log import get_logger
from landfall.storage.csv_header import HeaderRefused, find_header
from landfall.storage.encodings import encoding_of
from landfall.storage.packing import CannotUnpack, unpacked
from landfall.storage.store import ArtifactMissing, Store

MOST_ROWS = 20
MOST_COLUMNS = 50
MOST_LETTERS = 200
_MOST_BYTES = 256 << 10
_PIECE_BYTES = 64 << 10
_PATIENCE_SECONDS = 3.0
_TOO_LONG = "Its first records are too long to be shown here; download the file."
_AWAY = "The store does not answer now; open the page again in a moment."
# A store that hangs may keep so many threads, and no more.
_READERS = 4
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Preview:
    """The first records, cut to what a page can show; `note` says why there are none, or what is left out."""

    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    hidden_columns: int = 0
    note: str = ""


class Previews:
    """Reads files beside the event loop, a few at a time."""

    def __init__(self, store: Store, patience: float = _PATIENCE_SECONDS) -> None:
        """Read from this store, and wait for it so many seconds."""
        self._store = store
        self._patience = patience
        self._readers = asyncio.Semaphore(_READERS)

    async def of(self, artifact: Artifact) -> Preview:
        """The first records of the file; a store that is away is a note, not an error."""
        try:
            async with asyncio.timeout(self._patience):
                await self._readers.acquire()
                reading = asyncio.create_task(asyncio.to_thread(read, self._store, artifact.uri))
                reading.add_done_callback(self._done)
                # A thread cannot be stopped: whoever waits no longer leaves it its place until it is through.
                return await asyncio.shield(reading)
        except TimeoutError:
            return Preview(note=_AWAY)

    def _done(self, reading: asyncio.Task[Preview]) -> None:
        self._readers.release()
        if not reading.cancelled():
            reading.exception()  # whoever waited for it has it, or has gone


def read(store: Store, uri: str) -> Preview:
    """The first records of the file of this URI; blocks."""
    try:
        head, whole = _head(store, uri)
        return _preview(head, whole=whole)
    except ArtifactMissing:
        return Preview(note="The file is no longer in the store; submit the request again for another.")
    except (StorageUnavailable, OSError) as error:
        _log.warning("a preview could not be read", reason=type(error).__name__)
        return Preview(note=_AWAY)
    except CannotUnpack as error:
        return Preview(note=f"The file is damaged: {error}; `landfall verify` tells more.")
    except HeaderRefused as error:
        return Preview(note=f"No table can be made of it: {error}.")


def _head(store: Store, uri: str) -> tuple[bytes, bool]:
    """So much of the plain file as is read, and whether that is all of it."""
    stored = _Beginning(store.open(uri))
    plain = bytearray()
    try:
        for piece in unpacked(stored, encoding_of(uri)):
            plain += piece
            if len(plain) > _MOST_BYTES:
                return bytes(plain[:_MOST_BYTES]), False
    except CannotUnpack:
        if not stored.cut:
            raise
    return bytes(plain), not stored.cut


class _Beginning:
    """The first bytes of a file in small pieces; `cut` says that there were more."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.cut = False
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        left = _MOST_BYTES
        # A generator that is left alone would keep the file, or the connection, open until it is collected.
        with closing(self._chunks):  # type: ignore[type-var]  # every store's is a generator
            for chunk in self._chunks:
                self.cut = len(chunk) > left
                for start in range(0, min(len(chunk), left), _PIECE_BYTES):
                    yield chunk[start : min(start + _PIECE_BYTES, left)]
                left -= len(chunk)
                if self.cut:
                    return


def _preview(head: bytes, *, whole: bool) -> Preview:
    header = find_header(head, final=whole)
    if header is None:
        return Preview(note=_TOO_LONG)
    if not header.columns:
        return Preview(note="The file is empty: it has no header either.")
    records = list(islice(_records(head[header.size :], header.delimiter.decode(), whole=whole), MOST_ROWS))
    hidden = max(0, len(header.columns) - MOST_COLUMNS)
    rows = [[_short(cell) for cell in record[:MOST_COLUMNS]] for record in records]
    note = "" if rows else "The file has a header and no records." if whole else _TOO_LONG
    return Preview([_short(name) for name in header.columns[:MOST_COLUMNS]], rows, hidden, note)


def _records(text: bytes, delimiter: str, *, whole: bool) -> Iterator[list[str]]:
    """The records that are there from their first letter to their last."""
    read_on = csv.reader(io.StringIO(_decoded(text), newline=""), delimiter=delimiter)
    before: list[str] = []
    while True:
        try:
            record = next(read_on, None)
        except csv.Error:  # a field that is longer than Python reads
            record, whole = None, True
        if before and (record is not None or whole):
            yield before
        if record is None:
            return
        before = record


def _decoded(text: bytes) -> str:
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(text)
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _short(cell: str) -> str:
    return cell if len(cell) <= MOST_LETTERS else f"{cell[: MOST_LETTERS - 1]}…"
