"""Cuts out of a CSV what stands between quotes, so that the delimiters and newlines that count remain."""

import re
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from landfall.storage.digests import Chunk

_QUOTE = b'"'
_NEWLINE = ord("\n")  # bytes are searched for a number six times faster than for bytes
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


class _Syntax(NamedTuple):
    """What the bytes of a CSV with one delimiter are told apart by."""

    marks: tuple[bytes, bytes]
    no_marks: bytes
    neither: bytes
    ends: bytes
    openings: tuple[bytes, bytes]
    open_field: re.Pattern[bytes]
    sound_field: re.Pattern[bytes]


@cache
def _syntax(delimiter: bytes) -> _Syntax:
    marks = delimiter + b"\n"
    no_marks = bytes(byte for byte in range(256) if byte not in marks)
    # The quote comes first and looks behind itself: a pattern that begins with a letter is searched ten times faster.
    begun = rb'"(?<=[%b\n]")[^"]*+(?:""[^"]*+)*+' % re.escape(delimiter)
    return _Syntax(
        marks=(delimiter, b"\n"),
        no_marks=no_marks,
        neither=no_marks.replace(_QUOTE, b""),
        ends=marks + b"\r",
        openings=(delimiter + _QUOTE, b"\n" + _QUOTE),
        open_field=re.compile(begun + rb"\Z"),
        sound_field=re.compile(begun + rb'"(?=[%b\n\r])' % re.escape(delimiter)),
    )


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
        self._syntax = _syntax(delimiter)

    def cut(self, chunk: Chunk, *, final: bool = False) -> Outside:
        """What of the next chunk stands outside; its last line waits for what follows unless it is final."""
        # One byte goes before, so that a field at the very beginning is seen to begin.
        lead = self._syntax.openings[0] if self.quoted else self._before
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
        marks = text.translate(None, self._syntax.neither)
        if _QUOTE in marks:
            marks = marks.replace(b'""', b"")
            if _QUOTE in marks:
                self._until_short_cut = _CHUNKS_WITHOUT_SHORT_CUT
                return None
        return Outside(text, marks)

    def _by_rule(self, text: bytes) -> Outside | None:
        """Right where no quoted field goes on behind its closing quote (RFC 4180 asks for that)."""
        pieces = self._syntax.sound_field.split(text)
        last = pieces[-1]
        opened = self._syntax.open_field.search(last)
        if opened:
            pieces[-1] = last[: opened.start()]
        kept = _FIELD.join(pieces)
        if _QUOTE in kept and any(opening in kept for opening in self._syntax.openings):
            return None
        same_field = self.quoted and len(pieces) == 1
        self.quoted = opened is not None
        self._over_lines = (same_field and self._over_lines) or (opened is not None and b"\n" in opened[0])
        return self._outside(kept[1:])

    def _one_by_one(self, text: bytes) -> Outside:
        """Right always: each quote opens, closes or is text."""
        marks, ends = self._syntax.marks, self._syntax.ends
        pieces = text.split(_QUOTE)
        outside = [pieces[0]]
        begun_over_lines = self.quoted and self._over_lines
        quoted = closed = over_lines = False
        for before, after in pairwise(pieces):
            if quoted:
                quoted, closed = False, True
                outside.append(after)
                over_lines = over_lines or _NEWLINE in before
                if over_lines and after and after[0] not in ends:
                    self.quoted = False
                    return self._outside(_FIELD.join((*outside[:-1], b""))[1:], stray=True)
            elif closed and not before:
                quoted = True
            elif before[-1:] in marks:
                quoted, over_lines, begun_over_lines = True, begun_over_lines, False
            else:
                closed = False
                outside.append(after)
        self.quoted, self._over_lines = quoted, over_lines or _NEWLINE in pieces[-1]
        return self._outside(_FIELD.join(outside)[1:])

    def _outside(self, kept: bytes, *, stray: bool = False) -> Outside:
        return Outside(kept, kept.translate(None, self._syntax.no_marks), stray)
