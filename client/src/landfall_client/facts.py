"""Holds what Landfall tells of exports, batches and accounts; what a newer server tells beside it is kept in `raw`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from landfall_client.errors import ExportCancelled, ExportFailed

ENDED = frozenset({"stored", "failed", "cancelled"})

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ExportError:
    """Why an export failed, or what its last attempt ran into."""

    code: str
    message: str
    action: str


@dataclass(frozen=True, slots=True)
class File:
    """A published file; `rows` counts data records, `sha256` and `bytes` are those of the file as it lies in the store."""

    uri: str
    bytes: int
    rows: int
    sha256: str
    columns: Sequence[str]
    empty: bool
    header_changed: bool
    removed_at: datetime | None
    raw: Json = field(repr=False, compare=False)

    @property
    def suffix(self) -> str:
        """How a copy's name should end: .csv, .csv.gz or .csv.zst."""
        return ".csv" + next((packed for packed in (".gz", ".zst") if self.uri.endswith(packed)), "")


@dataclass(frozen=True, kw_only=True, eq=False)
class ExportFacts:
    """An export as it stood when it was read; two are equal if they are the same export."""

    id: str
    vendor: str
    account: str
    request: Json
    state: str
    attempts: int
    polls: int
    generation: int
    created_at: datetime | None
    due_at: datetime | None
    finished_at: datetime | None
    error: ExportError | None
    file: File | None
    labels: Mapping[str, str]
    priority: int
    raw: Json = field(repr=False)

    @property
    def ended(self) -> bool:
        """Whether it is stored, failed or cancelled."""
        return self.state in ENDED

    def check(self) -> Self:
        """This export. Raises ExportFailed where it has ended without a file."""
        error = self.error
        if self.state == "failed":
            code, message = (error.code, error.message) if error else ("failed", "it failed")
            raise ExportFailed(self, code, message, error.action if error else "Look at it with `landfall explain`.")
        if self.state == "cancelled":
            raise ExportCancelled(self, "cancelled", "it was cancelled", "retry() gives it a new life.")
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExportFacts) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)


@dataclass(frozen=True, slots=True)
class BatchFailure:
    """An export of a batch that failed."""

    export: str
    code: str
    message: str


@dataclass(frozen=True, kw_only=True, eq=False)
class BatchFacts:
    """A batch as it stood when it was read: `failures` are the first 20, `progress` goes from 0 to 1."""

    id: str
    created_at: datetime | None
    finished_at: datetime | None
    requested: int
    total: int
    by_state: Mapping[str, int]
    failures: Sequence[BatchFailure]
    labels: Mapping[str, str]
    progress: float
    raw: Json = field(repr=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BatchFacts) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)


@dataclass(frozen=True, slots=True)
class Account:
    """A vendor account: its slots, and what keeps Landfall from calling the vendor."""

    name: str
    vendor: str
    max_started: int
    limit: int
    slots_used: int
    queued: int
    blocked_until: datetime | None
    paused_at: datetime | None
    paused_by: str | None
    breaker: Json | None
    freshness: Sequence[Json]
    raw: Json = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Event:
    """A line of an export's timeline; `state` is the one that it left the export in, `seconds` how long the step ran."""

    id: int
    at: datetime | None
    kind: str
    state: str
    step: str | None
    attempt: int
    generation: int
    seconds: float | None
    error: ExportError | None
    note: str | None
    due_at: datetime | None
    export_id: str
    account: str
    raw: Json = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an export stands as it does: a sentence, the details (each with `code` and `text`), and what is likely to come."""

    summary: str
    details: Sequence[Json]
    start_at: datetime | None
    built_at: datetime | None
    next_step_at: datetime | None
    raw: Json = field(repr=False, compare=False)

    def __str__(self) -> str:
        return self.summary
