"""Streams one file into an object store in parts that nobody sees until the last one is in."""

from collections.abc import Callable
from contextlib import suppress

import obstore
from obstore.exceptions import AlreadyExistsError

from landfall.exports.errors import StorageUnavailable
from landfall.storage.bucket import Bucket
from landfall.storage.manifest import MANIFEST
from landfall.storage.object_faults import FAULTS, as_storage_errors
from landfall.storage.published import Published

PART_BYTES = 8 << 20  # 10 000 parts are allowed: 80 GiB
PARTS_AT_ONCE = 2


class ObjectDraft:
    """A file in the making; the upload lives in this process alone, so nothing is ever resumed from an earlier one.

    What is smaller than a part goes up in one request that the store refuses where the key is taken (If-None-Match).
    A larger file is a multipart upload. obstore cannot make its completion conditional, so the key is looked up right
    before: of two drafts that complete within the same milliseconds the later one wins, whole.
    """

    def __init__(self, bucket: Bucket, key: str) -> None:
        """Send nothing yet."""
        self.held = 0
        self.tag: str | None = None
        self._bucket = bucket
        self._key = key
        self._path = bucket.path(key)
        self._waiting: list[bytes] = []
        self._upload: obstore.WritableFile | None = None
        self._broken = False

    def replay(self, keep: Callable[[bytes], None]) -> None:
        """Nothing to hand over: a draft in an object store begins empty."""

    def remember(self, tag: str | None) -> None:
        """Keep the strong ETag of what is being written, for as long as this draft lives."""
        self.tag = tag

    def write(self, chunk: bytes) -> None:
        """Append; at most three parts are in memory. Raises StorageUnavailable, StorageFull."""
        self._refuse_if_broken()
        with as_storage_errors(self._bucket):
            try:
                self._append(chunk)
            except FAULTS:
                self._broken = True
                raise
        self.held += len(chunk)

    def restart(self) -> None:
        """Drop what is held and begin at byte 0 again."""
        self.discard()
        self.held, self.tag, self._broken = 0, None, False

    def publish(self, manifest: bytes) -> Published:
        """Make the file visible unless its key is taken, then its manifest. Raises StorageUnavailable, StorageFull."""
        self._refuse_if_broken()
        with as_storage_errors(self._bucket):
            adopted = self._put_whole() if self._upload is None else self._complete()
            self._describe(manifest, adopted=adopted)
        self._waiting.clear()
        return Published(self._bucket.uri(self._key), adopted)

    def discard(self) -> None:
        """Abort the upload, if there is one; what the store keeps of it nevertheless falls to the sweep."""
        upload, self._upload = self._upload, None
        self._waiting.clear()
        if upload is not None:
            with suppress(*FAULTS):
                upload.__exit__(InterruptedError, None, None)  # obstore aborts where a block ends with an error

    def close(self) -> None:
        """Leave nothing behind of a draft that was not published; a thread that is late writes nothing more."""
        self.discard()
        self._broken = True

    def _append(self, chunk: bytes) -> None:
        if self._upload is None and self.held + len(chunk) < PART_BYTES:
            self._waiting.append(chunk)
            return
        if self._upload is None:
            self._upload = obstore.open_writer(
                self._bucket.remote, self._path, buffer_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
            )
            for early in self._waiting:
                self._upload.write(early)
            self._waiting.clear()
        self._upload.write(chunk)

    def _put_whole(self) -> bool:
        """Send a small file; True where the key was taken."""
        try:
            obstore.put(self._bucket.remote, self._path, b"".join(self._waiting), mode="create")
        except AlreadyExistsError:
            return True
        except FAULTS:
            if self._arrived():
                return True
            raise
        return False

    def _complete(self) -> bool:
        """Complete the upload; True where the key was taken."""
        if size_of(self._bucket, self._path) is not None:
            self.discard()
            return True
        upload, self._upload = self._upload, None
        self._broken = True  # whatever comes of it: an upload is completed once
        try:
            if upload is not None:
                upload.close()
        except FAULTS:
            if not self._arrived():
                raise
        return False

    def _describe(self, manifest: bytes, *, adopted: bool) -> None:
        name = self._path + MANIFEST
        if not adopted:
            obstore.put(self._bucket.remote, name, manifest)
        # A manifest of ours tells nothing about another file that was there before.
        elif size_of(self._bucket, self._path) == self.held:
            with suppress(AlreadyExistsError):
                obstore.put(self._bucket.remote, name, manifest, mode="create")

    def _arrived(self) -> bool:
        """Whether the store has the file although its answer was lost."""
        with suppress(*FAULTS):
            return size_of(self._bucket, self._path) == self.held
        return False

    def _refuse_if_broken(self) -> None:
        if self._broken:
            raise StorageUnavailable(f"{self._bucket.url}: the upload broke off; it has to begin again.")


def size_of(bucket: Bucket, path: str) -> int | None:
    """The size of an object in bytes, None where there is none."""
    try:
        return obstore.head(bucket.remote, path)["size"]
    except FileNotFoundError:
        return None
