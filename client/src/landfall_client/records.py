"""Reads a stored CSV row by row while it comes, in bounded memory."""

import codecs
import csv
import io
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from landfall_client.downloading import Passage, Wanted, bring
from landfall_client.effects import Flow, Give
from landfall_client.errors import UnreadableRows
from landfall_client.unpacking import unpacker_of

Row = list[str]
Shape = Callable[[Sequence[Row]], Sequence[Any]]


def lists(wanted: Wanted, encoding: str) -> Flow[None]:
    """Give each record as a list, the header first, blank lines left out.

    Raises UnreadableRows, and what `bring` raises: behind the last row but one, where the file was not the stored one.
    """
    yield from _rows(wanted, encoding, list)


def dicts(wanted: Wanted, encoding: str) -> Flow[None]:
    """The same with each record behind the header as a dict."""
    yield from _rows(wanted, encoding, _ByName())


def _rows(wanted: Wanted, encoding: str, shape: Shape) -> Flow[None]:
    sink = _Sink(Parser(encoding), wanted, shape)
    yield from bring(wanted, sink, lambda _: None)
    yield from sink.finish()


class Parser:
    """Parses CSV that comes in pieces, as the csv module parses it whole."""

    def __init__(self, encoding: str) -> None:
        """Raise UnreadableRows for an encoding that nobody knows."""
        try:
            "a".encode(encoding)  # refuses what is no encoding of text, as hex
            decoder = codecs.getincrementaldecoder(encoding)()
        except LookupError:
            raise UnreadableRows(f"encoding: {encoding!r} is not known; write utf-8-sig or latin-1.") from None
        # Keeps the two halves of \r\n together, and changes neither.
        self._decoder = io.IncrementalNewlineDecoder(decoder, translate=False)
        self._encoding = encoding
        self._rest: list[str] = []  # of a line that is not at its end, joined once it is
        self._lines = _Lines()

    def feed(self, piece: bytes, *, final: bool = False) -> list[Row]:
        """The records that this piece completes. Raises UnreadableRows."""
        try:
            text = self._decoder.decode(piece, final=final)
        except UnicodeDecodeError:
            raise UnreadableRows(
                f"the file is not {self._encoding}: name its encoding, for example encoding='latin-1'."
            ) from None
        if not final and "\n" not in text and "\r" not in text:
            self._rest.append(text)
            return []
        lines = io.StringIO("".join([*self._rest, text]), newline="").readlines()
        # A \r at the end would be half of a \r\n if the decoder had not held it back.
        self._rest = [] if final or not lines or lines[-1].endswith(("\n", "\r")) else [lines.pop()]
        self._lines.waiting.extend(lines)
        self._lines.ended = final
        return self._records()

    def _records(self) -> list[Row]:
        found: list[Row] = []
        reader = csv.reader(self._lines)
        try:
            for record in reader:
                self._lines.begun.clear()
                if record:
                    found.append(record)
        except _Starved:
            # The record goes on in a later piece: it is parsed from its first line on again.
            self._lines.waiting.extendleft(reversed(self._lines.begun))
            self._lines.begun.clear()
        except csv.Error as error:
            if "field limit" in str(error):
                most = csv.field_size_limit()
                cure = f"csv.field_size_limit({8 * most}) lets pass larger ones"
                raise UnreadableRows(
                    f"a quote is not closed, or a field has more than {most} letters; {cure}."
                ) from None
            raise UnreadableRows(f"the file cannot be read as CSV: {error}; save it and look at it.") from None
        return found


class _Starved(Exception):
    """There is no line yet."""


class _Lines:
    """The lines that were not parsed yet, and those of the record that was begun."""

    def __init__(self) -> None:
        self.waiting: deque[str] = deque()
        self.begun: list[str] = []
        self.ended = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if not self.waiting:
            raise StopIteration if self.ended else _Starved
        line = self.waiting.popleft()
        self.begun.append(line)
        return line


class _ByName:
    """Makes dicts of rows, by the names of the first."""

    def __init__(self) -> None:
        self._names: Row = []

    def __call__(self, rows: Sequence[Row]) -> list[dict[str, str]]:
        if rows and not self._names:
            self._names, rows = _checked(rows[0]), rows[1:]
        try:
            return [dict(zip(self._names, row, strict=True)) for row in rows]
        except ValueError:
            raise UnreadableRows(
                "a row has more or fewer fields than the header; read the file with lists()."
            ) from None


class _Sink(Passage):
    """Takes a file's bytes and gives its rows."""

    def __init__(self, parser: Parser, wanted: Wanted, shape: Shape) -> None:
        super().__init__()
        self._parser = parser
        self._unpacker = unpacker_of(wanted.file)
        self._shape = shape

    def give(self, piece: bytes) -> Flow[None]:
        for unpacked in self._unpacker.feed(piece):
            yield Give(self._shape(self._parser.feed(unpacked)))

    def finish(self) -> Flow[None]:
        self._unpacker.finish()
        yield Give(self._shape(self._parser.feed(b"", final=True)))


def _checked(names: Row) -> Row:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UnreadableRows(f"the header names {twice!r} twice; read the file with lists().")
    return names
