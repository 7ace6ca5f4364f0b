"""Reads the checksums that a host announces of a file, and holds a body against them."""

import base64
import binascii
from collections.abc import Mapping

from landfall.exports.errors import TransferBroken
from landfall.storage.digests import known, new_digest

_DIGEST_BYTES = {"md5": 16, "sha1": 20, "sha256": 32, "crc32": 4, "crc32c": 4}
_PREFIX = "x-amz-checksum-"


def announced(headers: Mapping[str, str]) -> dict[str, bytes]:
    """The checksums of the body as it travels, by the names of landfall.storage.digests, as far as it knows them.

    They are Content-MD5 (RFC 1864) and S3's x-amz-checksum-*; an ETag is none, nor is S3's checksum of checksums
    (COMPOSITE, or a value with the number of parts).
    """
    values = {"md5": headers.get("content-md5", "")}
    if headers.get("x-amz-checksum-type", "").upper() != "COMPOSITE":
        values |= {name: headers[_PREFIX + name] for name in _DIGEST_BYTES if _PREFIX + name in headers}
    digests = {name: _decoded(value) for name, value in values.items()}
    return {name: digest for name, digest in digests.items() if len(digest) == _DIGEST_BYTES[name] and known(name)}


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""


class Proof:
    """Holds a body, as it travels, against the announced checksums."""

    def __init__(self, checksums: Mapping[str, bytes]) -> None:
        """Take what `announced` gave."""
        self._expected = checksums
        self._digests = {name: new_digest(name) for name in checksums}

    def update(self, piece: bytes) -> None:
        """Take the next bytes."""
        for digest in self._digests.values():
            digest.update(piece)

    def check(self) -> None:
        """Raise TransferBroken where the body is not the announced one."""
        for name, digest in self._digests.items():
            if digest.digest() != self._expected[name]:
                raise TransferBroken(f"the file does not agree with the {name} checksum that its host announced")
