"""Unpacks what lies packed in the store: gzip with Python's own means, zstd with the package zstandard."""

import importlib
import zlib
from typing import Protocol

from landfall_client.errors import UnreadableRows
from landfall_client.facts import File

_GZIP = 31  # zlib's name for: a gzip head, the largest window
_MOST_BYTES = 1 << 20


class Unpacker(Protocol):
    """Takes packed pieces, and gives what is in them in pieces of a bounded size."""

    def feed(self, piece: bytes) -> "list[bytes]":
        """What this piece adds. Raises UnreadableRows."""

    def finish(self) -> None:
        """Raise UnreadableRows where the end is missing."""


class AsItIs:
    """Nothing is packed."""

    def feed(self, piece: bytes) -> list[bytes]:
        """The piece."""
        return [piece]

    def finish(self) -> None:
        """Every end is one."""


class Gunzip:
    """Unpacks gzip, of several members too."""

    def __init__(self) -> None:
        """Begin a member."""
        self._member = zlib.decompressobj(_GZIP)
        self._whole = True

    def feed(self, piece: bytes) -> list[bytes]:
        """What this piece adds. Raises UnreadableRows."""
        found: list[bytes] = []
        try:
            while piece:
                self._whole = False
                found.append(self._member.decompress(piece, _MOST_BYTES))
                piece = self._member.unconsumed_tail
                if self._member.eof:
                    piece = self._member.unused_data
                    self._member, self._whole = zlib.decompressobj(_GZIP), True
        except zlib.error:
            raise UnreadableRows("the file is named .gz and is no gzip; save it and look at it.") from None
        return found

    def finish(self) -> None:
        """Raise UnreadableRows where the last member is cut off."""
        if not self._whole:
            raise UnreadableRows("the gzip ends in the middle; save it and look at it.")


class Unzstd:
    """Unpacks zstd."""

    def __init__(self) -> None:
        """Raise UnreadableRows where the package is missing."""
        try:
            # Asked for by name: only files that are packed so need it.
            zstandard = importlib.import_module("zstandard")
        except ImportError:
            raise UnreadableRows(
                "the file is packed with zstd: pip install 'landfall-client[zstd]', or save it and unpack it yourself."
            ) from None
        self._error: type[Exception] = zstandard.ZstdError
        self._frames = zstandard.ZstdDecompressor().decompressobj(read_across_frames=True)

    def feed(self, piece: bytes) -> list[bytes]:
        """What this piece adds. Raises UnreadableRows."""
        try:
            return [self._frames.decompress(piece)]
        except self._error:
            raise UnreadableRows("the file is named .zst and is no zstd; save it and look at it.") from None

    def finish(self) -> None:
        """The SHA-256 has told already whether the end is there."""


def unpacker_of(file: File) -> Unpacker:
    """What unpacks this file. Raises UnreadableRows."""
    return Gunzip() if file.suffix.endswith(".gz") else Unzstd() if file.suffix.endswith(".zst") else AsItIs()
