"""Turns the faults of an object store into our errors, in words that hold no URL, header or body."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from landfall.exports.errors import StorageFull, StorageUnavailable
from landfall.storage.bucket import CREDENTIALS, Bucket

FAULTS = (BaseError, OSError)

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w{1,64})</Code>")
_REFUSED = (PermissionDeniedError, UnauthenticatedError, PermissionError)
_FULL = frozenset({
    "EntityTooLarge",  # a quota of Swift: no part of ours comes near the limit that S3 means by it
    "InsufficientStorage",
    "QuotaExceeded",  # Ceph, with 403
    "XMinioStorageFull",
})  # fmt: skip
# The first that fits. Without keys in the environment obstore asks the cloud's machines for some: only there they answer.
_KNOWN = (
    (
        "NoSuchBucket|ContainerNotFound|bucket does not exist",
        "there is no such bucket; create it or correct LANDFALL_STORAGE_URL",
    ),
    ("NoSuchUpload", "the upload was aborted from elsewhere; it has to begin again"),
    ("/latest/(api/token|meta-data)|computeMetadata|metadata/identity", "no credentials were found; set {credentials}"),
    (
        "without LOCATION|PermanentRedirect|AuthorizationHeaderMalformed",
        "the bucket lies in another region; set AWS_REGION to it",
    ),
)
_NO_ANSWER = re.compile(r"HTTP error|error sending request|error decoding response body|timed out")


@contextmanager
def as_storage_errors(bucket: Bucket) -> Iterator[None]:
    """Raise StorageFull or StorageUnavailable for whatever obstore raises inside the block."""
    try:
        yield
    except FAULTS as fault:
        raise storage_error(bucket, fault) from None  # the cause quotes addresses and answers


def storage_error(bucket: Bucket, fault: BaseException) -> StorageFull | StorageUnavailable:
    """Our error for a fault of obstore, with the cure."""
    text = str(fault)
    status, code = _found(_STATUS, text), _found(_CODE, text)
    if status == "507" or code in _FULL:
        return StorageFull(f"{bucket.url}: the store has no room left.")
    return StorageUnavailable(f"{bucket.url}: {_complaint(bucket, fault, text, status, code)}.")


def _complaint(bucket: Bucket, fault: BaseException, text: str, status: str, code: str) -> str:
    credentials = CREDENTIALS[bucket.scheme]
    for pattern, words in _KNOWN:
        if re.search(pattern, text):
            return words.format(credentials=credentials)
    if isinstance(fault, _REFUSED) or status in {"401", "403"}:
        return f"the store refuses the credentials{_named(code)}; check {credentials} and what they may do"
    if status:
        return f"the store answered {status}{_named(code)}; look at its health and settings"
    if _NO_ANSWER.search(text):
        return "the store does not answer; check the network and the endpoint in the environment"
    return "what answers does not speak the store's language; check the endpoint in the environment"


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found.group(1) if found else ""


def _named(code: str) -> str:
    return f" ({code})" if code else ""
