"""Opens the bucket that a storage URL names, with the credentials of the environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from landfall.settings import SettingsError

FORMS = {"s3": "s3://bucket/prefix", "gs": "gs://bucket/prefix", "az": "az://container/prefix"}
CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
# obstore's order: the address of one service wins over that of all.
S3_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_ENDPOINTS = {"s3": S3_ENDPOINTS, "gs": ("GOOGLE_BASE_URL",), "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
_SEGMENT = re.compile(r"[A-Za-z0-9_=+-][A-Za-z0-9._=+-]*")
_WHOLE_ANSWER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a request may go without an answer (seconds), and how often and after what wait it is sent again.

    A part of 8 MiB has to reach the store within `silence`, two at a time: 2.3 Mbit/s with the default.
    """

    silence: float = 60.0
    retries: int = 3
    first_wait: float = 0.2


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket or container, and the prefix below which everything of ours lies."""

    scheme: str
    name: str
    prefix: str
    remote: S3Store | GCSStore | AzureStore

    @property
    def url(self) -> str:
        """The address as the settings write it."""
        return f"{self.scheme}://{self.name}/{self.prefix}".rstrip("/")

    def path(self, key: str) -> str:
        """The object's full name in the bucket."""
        return f"{self.prefix}/{key}" if self.prefix else key

    def uri(self, key: str) -> str:
        """The name by which a row knows an artifact."""
        return f"{self.url}/{key}"

    def path_of(self, uri: str) -> str | None:
        """The object that a URI names, None where it lies outside of this store."""
        key = uri.removeprefix(f"{self.url}/")
        return self.path(key) if key != uri and all(map(_SEGMENT.fullmatch, key.split("/"))) else None


def open_bucket(url: str, patience: Patience) -> Bucket:
    """The bucket of an s3, gs or az URL; nothing is asked of it yet. Raises SettingsError."""
    scheme, name, prefix = _read(url)
    if scheme == "s3":
        _check_pair("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    try:
        return Bucket(scheme, name, prefix, _open(scheme, name, patience))
    except (BaseError, ValueError, OSError):  # what obstore says may quote a credential
        raise SettingsError(
            f"storage_url: the environment does not say how to reach {scheme}://{name}; set {CREDENTIALS[scheme]}."
        ) from None


def _read(url: str) -> tuple[str, str, str]:
    parts = urlsplit(url)
    form = FORMS.get(parts.scheme)
    if form is None:
        raise SettingsError(f"storage_url: must begin with one of {', '.join(FORMS)}; write {FORMS['s3']}.")
    if not _NAME.fullmatch(parts.netloc):
        # A URL with a secret in it (s3://key:secret@bucket) is not repeated.
        raise SettingsError(f"storage_url: names no bucket; write {form} and leave credentials to the environment.")
    prefix = parts.path.strip("/")
    wrong = parts.query or parts.fragment or not all(map(_SEGMENT.fullmatch, prefix.split("/") if prefix else ()))
    if wrong:
        raise SettingsError(
            f"storage_url: the prefix may hold letters, digits and ._=+- between slashes, and no part may begin with a dot; write {form}."
        )
    return parts.scheme, parts.netloc, prefix


def _check_pair(one: str, other: str) -> None:
    for given, missing in ((one, other), (other, one)):
        if os.environ.get(given) and not os.environ.get(missing):
            raise SettingsError(f"storage_url: {given} is set and {missing} is not; set both or neither.")


def _open(scheme: str, name: str, patience: Patience) -> S3Store | GCSStore | AzureStore:
    wait = timedelta(seconds=patience.first_wait)
    how: dict[str, Any] = {
        "retry_config": {
            "max_retries": patience.retries,
            "retry_timeout": timedelta(seconds=3 * patience.silence),
            "backoff": {"init_backoff": wait, "max_backoff": 25 * wait, "base": 2},
        },
        "client_options": {
            # The limit for an answer as a whole would end the reading of a large file: silence is what is bounded.
            "timeout": _WHOLE_ANSWER,
            "read_timeout": timedelta(seconds=patience.silence),
            "connect_timeout": timedelta(seconds=min(10.0, patience.silence)),
            "allow_http": _plain_http(scheme, os.environ),
        },
    }
    if scheme == "gs":
        return GCSStore(name, **how)
    if scheme == "az":
        return AzureStore(name, **how)
    return S3Store(name, disable_bulk_delete=True, **how)  # not every store that speaks S3 has the bulk call


def _plain_http(scheme: str, environment: Mapping[str, str]) -> bool:
    """Whether the environment itself names an address without TLS."""
    return any(environment.get(name, "").lower().startswith("http://") for name in _ENDPOINTS[scheme])
