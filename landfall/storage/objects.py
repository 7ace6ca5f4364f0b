"""Keeps artifacts in S3, Google Cloud Storage or Azure Blob Storage."""

import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
from obstore.exceptions import AlreadyExistsError

from landfall.exports.errors import StorageUnavailable
from landfall.storage.bucket import Bucket, Patience, open_bucket
from landfall.storage.manifest import MANIFEST
from landfall.storage.object_draft import ObjectDraft, size_of
from landfall.storage.object_faults import FAULTS, as_storage_errors
from landfall.storage.published import ArtifactMissing
from landfall.storage.s3_uploads import UnfinishedUploads, uploads_of_environment

CHUNK_BYTES = 1 << 20
PARTS = ".parts"
HASTY = Patience(silence=1.5, retries=0)
_LONGEST_SIGNATURE_SECONDS = 7 * 86_400


class ObjectStore:
    """A bucket of artifacts, through obstore's sync calls (its async ones abort the interpreter at exit)."""

    def __init__(self, bucket: Bucket, uploads: UnfinishedUploads | None = None) -> None:
        """Ask nothing of the store yet; `uploads` is known where S3's own API can be asked for them."""
        self.url = bucket.url
        self._bucket = bucket
        self._uploads = uploads

    def draft(self, key: str, mark: str) -> ObjectDraft:  # noqa: ARG002 - nothing is resumed, so no mark is compared
        """Begin a file."""
        return ObjectDraft(self._bucket, key)

    def uri(self, key: str) -> str:
        """The name by which a row knows the artifact of a key."""
        return self._bucket.uri(key)

    def open(self, uri: str) -> Iterator[bytes]:
        """Read an artifact in chunks of about 1 MiB. Raises ArtifactMissing, StorageUnavailable."""
        path = self._bucket.path_of(uri)
        if path is None:
            raise ArtifactMissing(f"{uri}: lies outside of {self.url}.")
        with as_storage_errors(self._bucket):
            try:
                found = obstore.get(self._bucket.remote, path)
            except FileNotFoundError:
                raise ArtifactMissing(f"{uri}: there is no such file.") from None
        return self._chunks(found)

    def stat(self, uri: str) -> int | None:
        """The size in bytes, None where the artifact is gone. Raises StorageUnavailable."""
        path = self._bucket.path_of(uri)
        with as_storage_errors(self._bucket):
            return None if path is None else size_of(self._bucket, path)

    def manifest(self, uri: str) -> bytes | None:
        """The manifest of an artifact, None where there is none. Raises StorageUnavailable."""
        try:
            return b"".join(self.open(uri + MANIFEST))
        except ArtifactMissing:
            return None

    def describe(self, uri: str, manifest: bytes) -> None:
        """Put this manifest beside the artifact. Raises StorageUnavailable, StorageFull."""
        path = self._bucket.path_of(uri)
        if path is None:
            raise StorageUnavailable(
                f"{uri} does not lie in {self.url}; set LANDFALL_STORAGE_URL to the store that has it"
            )
        with as_storage_errors(self._bucket):
            obstore.put(self._bucket.remote, path + MANIFEST, manifest)

    def remove(self, uri: str) -> None:
        """Remove the artifact and its manifest, as far as they are there. Raises StorageUnavailable."""
        path = self._bucket.path_of(uri)
        for name in (path, path + MANIFEST) if path else ():
            self._delete(name)

    def local_path(self, uri: str) -> Path | None:  # noqa: ARG002 - the signature is the protocol's
        """None: there is no local file."""
        return None

    def free_bytes(self) -> int | None:
        """None: a bucket names no limit."""
        return None

    def signed_url(self, uri: str, seconds: int) -> str | None:
        """An address that may be read without credentials for so long; None where the credentials cannot sign."""
        path = self._bucket.path_of(uri)
        if path is None:
            return None
        lifetime = timedelta(seconds=min(seconds, _LONGEST_SIGNATURE_SECONDS))
        try:
            return obstore.sign(self._bucket.remote, "GET", path, lifetime)
        except FAULTS:
            return None

    def sweep(self, older_than: timedelta) -> int:
        """Remove abandoned probes and, on S3, abort abandoned uploads below the prefix; returns how many.

        Uploads are listed with the environment's static keys only, and never in a bucket without a prefix, where they
        may be somebody else's. What this leaves is for a rule of the bucket's lifecycle
        (S3 and GCS: AbortIncompleteMultipartUpload); Azure drops uncommitted blocks after seven days.
        """
        before = datetime.now(UTC) - older_than
        with as_storage_errors(self._bucket):
            found = obstore.list(self._bucket.remote, self._bucket.path(PARTS)).collect()
        stale = [item["path"] for item in found if item["last_modified"] <= before]
        for path in stale:
            self._delete(path)
        return len(stale) + (self._uploads.abort_before(before) if self._uploads else 0)

    def check(self) -> None:
        """Write, read and remove a probe, and see that a taken key is refused. Raises StorageUnavailable."""
        path = self._bucket.path(f"{PARTS}/probe-{secrets.token_hex(8)}")
        with as_storage_errors(self._bucket):
            obstore.put(self._bucket.remote, path, b"probe", mode="create")
        try:
            self._check_probe(path)
        finally:
            self._delete(path)

    def _check_probe(self, path: str) -> None:
        with as_storage_errors(self._bucket):
            whole = bytes(obstore.get(self._bucket.remote, path).bytes()) == b"probe"
            with suppress(AlreadyExistsError):
                obstore.put(self._bucket.remote, path, b"other", mode="create")
                raise StorageUnavailable(
                    f"{self.url}: the store overwrites in spite of If-None-Match; use one that honours it (S3, GCS, Azure, R2, MinIO, Ceph, Swift)."
                )
        if not whole:
            raise StorageUnavailable(f"{self.url}: the store gave back other bytes than it was given; use another.")

    def _delete(self, path: str) -> None:
        with as_storage_errors(self._bucket), suppress(FileNotFoundError):
            obstore.delete(self._bucket.remote, path)

    def _chunks(self, found: "obstore.GetResult") -> Iterator[bytes]:
        with as_storage_errors(self._bucket):
            for chunk in found.stream(CHUNK_BYTES):
                yield bytes(chunk)


def open_objects(url: str, patience: Patience = Patience()) -> ObjectStore:  # noqa: B008 - frozen
    """The store of an s3, gs or az URL. Raises SettingsError."""
    bucket = open_bucket(url, patience)
    below = f"{bucket.prefix}/" if bucket.scheme == "s3" and bucket.prefix else None
    uploads = uploads_of_environment(bucket.name, below, timeout=patience.silence) if below else None
    return ObjectStore(bucket, uploads)
