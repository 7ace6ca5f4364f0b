"""Defines an export as the value that every step and every settlement works on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from landfall.exports.states import STEP_DUE, State, Step


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an export failed or must try again, in words for its owner."""

    code: str
    message: str
    action: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """A published file: `bytes` is its size, `rows` its data records without the header.

    `header_changed` says that its columns are not those of the last file of its kind; `removed_at` is when retention
    took it from the store.
    """

    uri: str
    bytes: int
    rows: int
    sha256: str
    columns: tuple[str, ...]
    empty: bool
    header_hash: str | None = None
    header_changed: bool = False
    removed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportJob:
    """One export, as its row tells it.

    `attempts` counts the tries of the step that is due, `polls` the questions asked of the vendor since
    the export was accepted, `deferrals` the waits in a row that cost no attempt (throttling, an expired link),
    `generation` the reports ordered so far. `due_at` is None only while the export is queued or ended. `polled_at` is
    the last time that the vendor said "not yet". `crashes` counts the workers that fell silent in the step that is due,
    one after the other. `tenant` and `turn` are its place in the queue's turn-taking. `callback_url` is told of its end.
    `withdrawals` counts the names of its file that were given up, each when it was cancelled with a file just published.
    `traceparent` is the place in a trace that the export goes on from, as W3C writes it.
    """

    id: str
    account: str
    vendor: str
    report_type: str
    request: Mapping[str, Any]
    request_hash: str
    created_at: datetime
    deadline: timedelta
    state: State = State.QUEUED
    version: int = 1
    priority: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    attempts: int = 0
    polls: int = 0
    deferrals: int = 0
    generation: int = 1
    crashes: int = 0
    leased: bool = False
    due_at: datetime | None = None
    deadline_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    polled_at: datetime | None = None
    report_id: str | None = None
    tenant: str = ""
    turn: float = 0.0
    callback_url: str | None = None
    withdrawals: int = 0
    traceparent: str | None = None
    error: Fault | None = None
    artifact: Artifact | None = None

    @property
    def step(self) -> Step | None:
        """The step that is due, or None while the export is queued or ended."""
        return STEP_DUE.get(self.state)
