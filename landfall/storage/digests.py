"""Makes the checksums that vendors and stores send along with a file."""

import hashlib
import importlib
import importlib.util
import zlib
from collections.abc import Callable
from typing import Protocol

Chunk = bytes | bytearray | memoryview

_CRC32C_PACKAGE = "google_crc32c"


class Digest(Protocol):
    """A checksum in the making."""

    def update(self, chunk: Chunk, /) -> None:
        """Take the next chunk."""

    def digest(self) -> bytes:
        """The checksum so far; a CRC in network byte order, as HTTP headers have it."""


class _Crc:
    def __init__(self, extend: Callable[[Chunk, int], int]) -> None:
        self._extend = extend
        self._value = 0

    def update(self, chunk: Chunk, /) -> None:
        self._value = self._extend(chunk, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


def known(name: str) -> bool:
    """Whether `new_digest` can make it: hashlib's of fixed length, crc32, and crc32c where google-crc32c is installed."""
    if name == "crc32c":
        return importlib.util.find_spec(_CRC32C_PACKAGE) is not None
    return name == "crc32" or (name in hashlib.algorithms_available and not name.startswith("shake_"))


def new_digest(name: str) -> Digest:
    """A checksum by its name. Raises ValueError for one that is not known."""
    if not known(name):
        raise ValueError(f"digests: {name!r} cannot be made here; name one of hashlib's or crc32")
    if name == "crc32":
        return _Crc(zlib.crc32)
    if name == "crc32c":
        package = importlib.import_module(_CRC32C_PACKAGE)
        return _Crc(lambda chunk, value: int(package.extend(value, bytes(chunk))))
    # They find accidents here; nothing is secured by them.
    return hashlib.new(name, usedforsecurity=False)
