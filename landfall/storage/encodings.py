"""Names the ways a CSV may be packed in the store, and the files that follow from each."""

from typing import Literal

Encoding = Literal["identity", "gzip", "zstd"]

PARQUET = ".parquet"
_CSV = ".csv"
_SUFFIXES: dict[Encoding, str] = {"identity": "", "gzip": ".gz", "zstd": ".zst"}
_MEDIA_TYPES: dict[Encoding, str] = {"identity": "text/csv", "gzip": "application/gzip", "zstd": "application/zstd"}
_PACKED: tuple[tuple[Encoding, str], ...] = (("gzip", ".gz"), ("zstd", ".zst"))


def stored_key(key: str, encoding: Encoding) -> str:
    """The key of a file that is packed in this way: from its end alone `encoding_of` tells the way again."""
    # A label of the key's template may end in what only a packed file may.
    plain = key if encoding_of(key) == "identity" else key + _CSV
    return plain + _SUFFIXES[encoding]


def encoding_of(name: str) -> Encoding:
    """How the file of this key or URI is packed."""
    return next((encoding for encoding, suffix in _PACKED if name.endswith(suffix)), "identity")


def file_name(stem: str, name: str) -> str:
    """What to call a download of the file of this key or URI."""
    return stem + _CSV + _SUFFIXES[encoding_of(name)]


def media_type(name: str) -> str:
    """The media type of the file of this key or URI, as it lies in the store."""
    return _MEDIA_TYPES[encoding_of(name)]


def parquet_name(name: str) -> str:
    """The key or URI of the Parquet copy of the CSV with this key or URI."""
    return name.removesuffix(_SUFFIXES[encoding_of(name)]).removesuffix(_CSV) + PARQUET
