"""Unpacks a body that came compressed although it was not asked to, with a bound on what comes out of it."""

import zlib
from collections.abc import Callable, Iterator

import zstandard

from landfall.exports.errors import TransferBroken

_OUTPUT_BYTES = 1 << 20
_UNSUSPECTED_BYTES = 16 << 20
_HIGHEST_RATIO = 200
_ZLIB_SLICE_BYTES = 16 << 10
# zstd bounds no output, but 4 bytes can make no more than one block of 128 KiB: 8 MiB from a slice.
_ZSTD_SLICE_BYTES = 256
# RFC 9659: more is not to be used in HTTP.
_ZSTD_WINDOW_BYTES = 8 << 20


class _Zlib:
    def __init__(self, wbits: int) -> None:
        self._inflater = zlib.decompressobj(wbits)

    @property
    def eof(self) -> bool:
        return self._inflater.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflater.unused_data

    def outputs(self, data: bytes) -> Iterator[bytes]:
        while True:
            plain = self._inflater.decompress(data, _OUTPUT_BYTES)
            if plain:
                yield plain
            data = self._inflater.unconsumed_tail
            # A full output may have left more inside although all input is taken.
            if self._inflater.eof or (not data and len(plain) < _OUTPUT_BYTES):
                return


class _Zstd:
    def __init__(self) -> None:
        self._inflater = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES).decompressobj()

    @property
    def eof(self) -> bool:
        return self._inflater.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflater.unused_data

    def outputs(self, data: bytes) -> Iterator[bytes]:
        plain = self._inflater.decompress(data)
        for start in range(0, len(plain), _OUTPUT_BYTES):
            yield plain[start : start + _OUTPUT_BYTES]


class Decoder:
    """Unpacks one body: every member of it, to its end marker, and nothing beyond."""

    def __init__(self, encoding: str) -> None:
        """Unpack `encoding`. Raises TransferBroken where it is not known."""
        openers: dict[str, tuple[Callable[[], _Zlib | _Zstd], int]] = {
            "gzip": (lambda: _Zlib(zlib.MAX_WBITS | 16), _ZLIB_SLICE_BYTES),
            "x-gzip": (lambda: _Zlib(zlib.MAX_WBITS | 16), _ZLIB_SLICE_BYTES),
            "deflate": (lambda: _Zlib(zlib.MAX_WBITS), _ZLIB_SLICE_BYTES),
            "zstd": (_Zstd, _ZSTD_SLICE_BYTES),
        }
        if encoding not in openers:
            raise TransferBroken(f"the file came in the encoding {encoding[:20]!r}, which was not asked for")
        self._encoding = encoding
        self._open, self._slice_bytes = openers[encoding]
        self._stream = self._open()
        self._taken = 0
        self._given = 0

    def decode(self, piece: bytes) -> Iterator[bytes]:
        """Give what `piece` unpacks to, at most 1 MiB at a time; to be exhausted. Raises TransferBroken."""
        for start in range(0, len(piece), self._slice_bytes):
            part = piece[start : start + self._slice_bytes]
            self._taken += len(part)
            for plain in self._unpacked(part):
                self._check_ratio(len(plain))
                yield plain

    def finish(self) -> None:
        """Raise TransferBroken where the end marker has not come."""
        if not self._stream.eof:
            raise TransferBroken(f"the {self._encoding} file ended before its end marker")

    def _unpacked(self, data: bytes) -> Iterator[bytes]:
        try:
            while data:
                if self._stream.eof:
                    self._begin_next_member()
                yield from self._stream.outputs(data)
                data = self._stream.unused_data if self._stream.eof else b""
        except (zlib.error, zstandard.ZstdError):
            raise TransferBroken(f"the file cannot be unpacked as {self._encoding}") from None

    def _begin_next_member(self) -> None:
        if self._encoding == "deflate":
            raise TransferBroken("there are bytes beyond the end of the deflate file")
        self._stream = self._open()

    def _check_ratio(self, size: int) -> None:
        self._given += size
        if self._given > max(_UNSUSPECTED_BYTES, _HIGHEST_RATIO * self._taken):
            raise TransferBroken(f"the {self._encoding} file unpacks to more than {_HIGHEST_RATIO} times its size")
