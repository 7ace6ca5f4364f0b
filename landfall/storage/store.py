"""Says what Landfall asks of a place that keeps files, and opens the one that the settings name."""

from pathlib import Path
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import unquote, urlsplit

from landfall.exports.job import ExportJob
from landfall.settings import SettingsError
from landfall.storage.disk import DiskStore
from landfall.storage.published import Published


class Draft(Protocol):
    """A file in the making that nobody sees until it is published; left unpublished it vanishes with the block."""

    def write(self, chunk: bytes) -> None:
        """Append. Raises StorageUnavailable."""

    def publish(self) -> Published:
        """Make the file visible under its key, whole and durable, unless the key is taken. Raises StorageUnavailable."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Store(Protocol):
    """A place that keeps artifacts. Its calls block: run them in a thread."""

    def draft(self, key: str) -> Draft:
        """Begin a file; what an earlier, unfinished draft of the same key left behind is removed."""

    def path(self, uri: str) -> Path | None:
        """The local file that a URI of this store names, None where there is none."""


def artifact_key(job: ExportJob) -> str:
    """The name of an export's file below the store's root: the same at every attempt."""
    return f"{job.account}/{job.report_type}/{job.created_at:%Y/%m/%d}/{job.id}.csv"


def open_store(url: str) -> Store:
    """The store of a `file:///…` URL. Raises SettingsError for any other."""
    parts = urlsplit(url)
    if parts.scheme != "file" or parts.netloc or not parts.path.startswith("/"):
        raise SettingsError(
            f"storage_url: {parts.scheme or url}: is not supported by this release; write file:///absolute/path."
        )
    return DiskStore(Path(unquote(parts.path)))
