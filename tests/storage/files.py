"""Makes files of known bytes and puts them into stores."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta

import pytest

from landfall.exports.errors import StorageUnavailable
from landfall.storage.published import Published
from landfall.storage.store import Draft, Store
from tests.services.swift import SECRET

KEY = "shop-bwp/USER_EVENTS/2026/01/31/exp_1.csv"
MANIFEST = f"{KEY}.manifest.json"
MIB = 1 << 20
LARGE = 40
# Clocks of a store may round up to the next second: everything is older than five seconds from now.
EVERYTHING = timedelta(seconds=-5)
SIZES = pytest.mark.parametrize("mib", [0.001, LARGE], ids=["small", "large"])


def body(mib: float, seed: int = 0) -> Iterator[bytes]:
    for number in range(max(1, int(mib))):
        yield bytes([(seed + number) % 251]) * int(min(mib, 1) * MIB)


def begun(store: Store, mib: float = 0.001, seed: int = 0) -> Draft:
    """A draft that holds the whole body."""
    draft = store.draft(KEY, "mark")
    for chunk in body(mib, seed):
        draft.write(chunk)
    return draft


def publish(store: Store, mib: float = 0.001, seed: int = 0, manifest: bytes = b"{}\n") -> Published:
    draft = begun(store, mib, seed)
    published = draft.publish(manifest)
    draft.close()
    return published


def digest(chunks: Iterator[bytes]) -> str:
    whole = hashlib.sha256()
    for chunk in chunks:
        whole.update(chunk)
    return whole.hexdigest()


def complaint(store: Store, mib: float = 0.001) -> str:
    """What a store that cannot be written says; no secret is in it."""
    with pytest.raises(StorageUnavailable) as refusal:
        publish(store, mib)
    text = str(refusal.value)
    assert SECRET not in text
    assert "uploadId" not in text
    return text
