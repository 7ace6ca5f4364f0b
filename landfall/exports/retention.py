"""Decides which stored files go."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class StoredFile:
    """The artifact of a stored export, as its row tells it."""

    export_id: str
    account: str
    stored_at: datetime
    uri: str
    bytes: int
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the files of an account stay: for this time, and only the newest so many; None sets no bound.

    Whichever bound is reached first decides.
    """

    age: timedelta | None = None
    count: int | None = None

    @property
    def is_bounded(self) -> bool:
        """Whether it lets anything go."""
        return self.age is not None or self.count is not None


class Reason(StrEnum):
    """Which bound was reached."""

    AGE = "age"
    COUNT = "count"


def leaving(
    files: Iterable[StoredFile], retention: Retention, *, now: datetime
) -> Iterator[tuple[StoredFile, Reason | None]]:
    """Each file of one account, given newest first, and why it goes; None where it stays."""
    for newer, file in enumerate(files):
        if retention.age is not None and now - file.stored_at > retention.age:
            yield file, Reason.AGE
        elif retention.count is not None and newer >= retention.count:
            yield file, Reason.COUNT
        else:
            yield file, None
