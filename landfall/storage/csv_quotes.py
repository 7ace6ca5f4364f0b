"""Cuts out of a CSV what stands between quotes, so that the delimiters and newlines that count remain."""

import re
from typing import NamedTuple

from landfall.storage.digests import Chunk

_QUOTE = b'"'
_FIELD = b"f"
# A file that once held a delimiter in quotes holds more of them: the short cut is tried again only after these chunks.
_CHUNKS_WITHOUT_SHORT_CUT = 64
_MOST_BYTES_HELD = 1 << 16


class Outside(NamedTuple):
    """What of a chunk stands outside quotes.

    `text` has its line ends, its delimiters and at least a byte for each quoted field; `marks` is the same without
    anything but delimiters and newlines. `stray` says that the text ends at a quoted field that cannot be one.
    """

    text: bytes
    marks: bytes
    stray: bool = False


class Quotes:
    """Follows the quotes as Python's csv.reader does.

    A quote opens a quoted field only where a field begins; elsewhere it is text. In a quoted field two quotes are one of
    text, a single one closes it, and what follows up to the delimiter is text. One thing csv.reader takes is called
    stray here: a quoted field that runs over lines and has text behind its closing quote. It is what a single
    forgotten quote leaves when it swallows records up to the next quote.
    """

    def __init__(self, delimiter: bytes) -> None:
        """Start where a record begins."""
        self.quoted = False
        self._over_lines = False  # whether the quoted field that is open has a newline already
        self._before = b"\n"
        self._held = b""
        self._until_short_cut = 0
        self._openings = (delimiter + _QUOTE, b"\n" + _QUOTE)
        marks = delimiter + b"\n"
        self._no_marks = bytes(byte for byte in range(256) if byte not in marks)
        self._neither = self._no_marks.replace(_QUOTE, b"")
        self._ends = marks + b"\r"
        # The quote comes first and looks behind itself: a pattern that begins with a letter is searched ten times faster.
        begun = rb'"(?<=[%b\n]")[^"]*+(?:""[^"]*+)*+' % re.escape(delimiter)
        self._open_field = re.compile(begun + rb"\Z")
        self._field = re.compile(begun + b'("?)')
        self._sound_field = re.compile(begun + rb'"(?=[%b\n\r])' % re.escape(delimiter))

    def cut(self, chunk: Chunk, *, final: bool = False) -> Outside:
        """What of the next chunk stands outside; its last line waits for what follows unless it is final."""
        # One byte goes before, so that a field at the very beginning is seen to begin.
        lead = self._openings[0] if self.quoted else self._before
        text = b"".join((lead, self._held, chunk))
        self._held = b""
        if not final:
            text = self._hold_back(text, len(lead))
        if len(text) == len(lead):
            return Outside(b"", b"")
        outside = self._by_short_cut(text) or self._by_rule(text) or self._one_by_one(text)
        self._before = text[-1:]
        return outside

    def _hold_back(self, text: bytes, lead: int) -> bytes:
        """Keep the line that is open: the short cut needs whole fields. Of a long one only its last quotes must wait."""
        end = max(lead, text.rfind(b"\n", lead) + 1)
        if len(text) - end <= _MOST_BYTES_HELD:
            self._held = text[end:]
            return text[:end]
        end = max(lead, len(text.rstrip(_QUOTE)))
        count = len(text) - end
        self._held = _QUOTE * (2 - count % 2) if count else b""  # pairs change nothing
        return text[:end]

    def _by_short_cut(self, text: bytes) -> Outside | None:
        """Right where each field has an even number of quotes: however they stand, it is closed where it ends."""
        if self.quoted or self._until_short_cut:
            self._until_short_cut = max(0, self._until_short_cut - 1)
            return None
        text = text[1:]
        marks = text.translate(None, self._neither)
        if _QUOTE in marks:
            marks = marks.replace(b'""', b"")
            if _QUOTE in marks:
                self._until_short_cut = _CHUNKS_WITHOUT_SHORT_CUT
                return None
        return Outside(text, marks)

    def _by_rule(self, text: bytes) -> Outside | None:
        """Right where no quoted field goes on behind its closing quote (RFC 4180 asks for that)."""
        pieces = self._sound_field.split(text)
        last = pieces[-1]
        opened = self._open_field.search(last)
        if opened:
            pieces[-1] = last[: opened.start()]
        kept = _FIELD.join(pieces)
        if _QUOTE in kept and any(opening in kept for opening in self._openings):
            return None
        same_field = self.quoted and len(pieces) == 1
        self.quoted = opened is not None
        self._over_lines = (same_field and self._over_lines) or (opened is not None and b"\n" in opened[0])
        return self._outside(kept[1:])

    def _one_by_one(self, text: bytes) -> Outside:
        """Right always."""
        pieces, position = [], 1
        over_lines = self.quoted and self._over_lines
        self.quoted = False
        for field in self._field.finditer(text):
            pieces.append(text[position : field.start()])
            position = field.end()
            over_lines = over_lines or text.find(b"\n", field.start(), position) >= 0
            self.quoted = not field[1]
            if over_lines and field[1] and text[position : position + 1] not in self._ends:
                return self._outside(_FIELD.join(pieces), stray=True)
            self._over_lines, over_lines = over_lines, False
        pieces.append(text[position:])
        return self._outside(_FIELD.join(pieces))

    def _outside(self, kept: bytes, *, stray: bool = False) -> Outside:
        return Outside(kept, kept.translate(None, self._no_marks), stray)
