"""Packs a CSV with gzip or zstd while it flows past, and unpacks it again."""

import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

import zstandard

from landfall.storage.encodings import Encoding

_GZIP = zlib.MAX_WBITS | 16  # zlib's own gzip header: no name, no time
_GZIP_LEVEL = 6
_ZSTD_LEVEL = 3
# However the file comes in, the packer sees the same pieces: the same file packs to the same bytes.
_PIECE_BYTES = 256 << 10
_OUTPUT_BYTES = 1 << 20
# zstd bounds no output: 4 bytes may make a block of 128 KiB, this 32 MiB.
_ZSTD_SLICE_BYTES = 1 << 10


class CannotUnpack(ValueError):
    """A packed file is not whole; the text says so without its data."""


class _Compressor(Protocol):
    def compress(self, data: memoryview, /) -> bytes:
        """Take the next bytes."""

    def flush(self) -> bytes:
        """Take the end."""


class Packer:
    """Fed with the file's chunks in order; the packed bytes come as they are made."""

    def __init__(self, encoding: Encoding) -> None:
        """Pack with "gzip" or "zstd"."""
        self._compressor = _compressor(encoding)
        self._waiting = bytearray()

    def pack(self, chunk: bytes) -> bytes:
        """Take the next chunk; give what is packed since the last."""
        self._waiting += chunk
        whole = len(self._waiting) - len(self._waiting) % _PIECE_BYTES
        with memoryview(self._waiting) as view:
            pieces = [
                self._compressor.compress(view[start : start + _PIECE_BYTES]) for start in range(0, whole, _PIECE_BYTES)
            ]
        del self._waiting[:whole]
        return b"".join(pieces)

    def finish(self) -> bytes:
        """Give the end of the packed file."""
        with memoryview(self._waiting) as view:
            last = self._compressor.compress(view)
        self._waiting.clear()
        return last + self._compressor.flush()


def unpacked(chunks: Iterable[bytes], encoding: Encoding) -> Iterator[bytes]:
    """The plain bytes of a packed file, in bounded memory. Raises CannotUnpack where it is broken or has no end."""
    if encoding == "identity":
        yield from chunks
        return
    try:
        yield from (_gunzipped(chunks) if encoding == "gzip" else _unzstd(chunks))
    except (zlib.error, zstandard.ZstdError):
        raise CannotUnpack(f"it cannot be unpacked as {encoding}") from None


def _compressor(encoding: Encoding) -> _Compressor:
    if encoding == "gzip":
        return zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP)
    return zstandard.ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True).compressobj()


def _gunzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    inflater = zlib.decompressobj(_GZIP)
    for chunk in chunks:
        rest = chunk
        while rest:
            yield inflater.decompress(rest, _OUTPUT_BYTES)
            rest = inflater.unconsumed_tail
        _refuse_more(inflater.unused_data)
    while plain := inflater.decompress(b"", _OUTPUT_BYTES):  # a full output may have left more inside
        yield plain
    _refuse_cut(inflater.eof)


def _unzstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    inflater = zstandard.ZstdDecompressor().decompressobj()
    for chunk in chunks:
        for start in range(0, len(chunk), _ZSTD_SLICE_BYTES):
            if inflater.eof:
                _refuse_more(chunk[start:])
            yield inflater.decompress(chunk[start : start + _ZSTD_SLICE_BYTES])
        _refuse_more(inflater.unused_data)
    _refuse_cut(inflater.eof)


def _refuse_more(data: bytes) -> None:
    if data:
        raise CannotUnpack("it goes on behind the end of its packed content")


def _refuse_cut(whole: bool) -> None:  # noqa: FBT001 - its name in the calls would say nothing more
    if not whole:
        raise CannotUnpack("it ends before its packed content does")
