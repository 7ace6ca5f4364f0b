"""Turns exports into rows and rows into exports."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from landfall.exports.job import Artifact, ExportJob, Fault
from landfall.exports.settling import Event
from landfall.exports.states import State

_AS_IS = (
    "id",
    "account",
    "vendor",
    "report_type",
    "request",
    "request_hash",
    "version",
    "priority",
    "labels",
    "attempts",
    "polls",
    "deferrals",
    "generation",
    "crashes",
    "leased",
    "created_at",
    "due_at",
    "deadline_at",
    "started_at",
    "finished_at",
    "polled_at",
    "report_id",
    "tenant",
    "turn",
    "callback_url",
    "withdrawals",
    "traceparent",
)


def row_of(job: ExportJob) -> dict[str, Any]:
    """Every column of an export's row."""
    return {
        **{name: getattr(job, name) for name in _AS_IS},
        **_fault_columns(job.error),
        **_file_columns(job.artifact),
        "state": job.state.value,
        "deadline_seconds": job.deadline.total_seconds(),
    }


def changed_columns(before: ExportJob, after: ExportJob) -> dict[str, Any]:
    """The columns that tell `after` from `before`."""
    old = row_of(before)
    return {name: value for name, value in row_of(after).items() if value is not old[name] and value != old[name]}


def job_of(row: Row[Any]) -> ExportJob:
    """The export that a row tells of."""
    return job_in(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented accessor


def job_in(columns: Mapping[Any, Any]) -> ExportJob:
    """The export that these columns tell of; what an older release did not know yet has its default."""
    return ExportJob(
        **{name: columns[name] for name in _AS_IS if name in columns},
        state=State(columns["state"]),
        deadline=timedelta(seconds=columns["deadline_seconds"]),
        error=_fault(columns),
        artifact=_artifact(columns),
    )


def event_row(
    job: ExportJob, event: Event, at: datetime, seconds: float | None = None, *, untold: bool = False
) -> dict[str, Any]:
    """The row of an event that left the export as `job`; `seconds` is how long the step ran.

    `untold` is news that webhooks have yet to be told.
    """
    return {
        **_fault_columns(event.fault),
        "export_id": job.id,
        "at": at,
        "kind": event.kind,
        "state": job.state.value,
        "step": event.step.value if event.step else None,
        "attempt": event.attempt,
        "generation": job.generation,
        "seconds": seconds,
        "note": event.note,
        "untold": untold,
    }


def _fault_columns(fault: Fault | None) -> dict[str, Any]:
    return {
        "error_code": fault.code if fault else None,
        "error_message": fault.message if fault else None,
        "error_action": fault.action if fault else None,
    }


def _fault(columns: Any) -> Fault | None:  # noqa: ANN401 - SQLAlchemy's row mapping
    if columns["error_code"] is None:
        return None
    return Fault(columns["error_code"], columns["error_message"], columns["error_action"])


def _file_columns(artifact: Artifact | None) -> dict[str, Any]:
    return {
        "file_uri": artifact.uri if artifact else None,
        "file_bytes": artifact.bytes if artifact else None,
        "file_rows": artifact.rows if artifact else None,
        "file_sha256": artifact.sha256 if artifact else None,
        "file_columns": columns_of(artifact) if artifact else None,
        "file_empty": artifact.empty if artifact else None,
        "header_hash": artifact.header_hash if artifact else None,
        "header_changed": artifact.header_changed if artifact else False,
        "file_removed_at": artifact.removed_at if artifact else None,
    }


def columns_of(artifact: Artifact) -> list[str]:
    """The names in the file's header as they can be kept: Postgres takes no NUL."""
    return [name.replace("\0", "\N{REPLACEMENT CHARACTER}") for name in artifact.columns]


def _artifact(columns: Any) -> Artifact | None:  # noqa: ANN401 - SQLAlchemy's row mapping
    if columns["file_uri"] is None:
        return None
    return Artifact(
        uri=columns["file_uri"],
        bytes=columns["file_bytes"],
        rows=columns["file_rows"],
        sha256=columns["file_sha256"],
        columns=tuple(columns["file_columns"] or ()),
        empty=columns["file_empty"],
        header_hash=columns["header_hash"],
        header_changed=columns["header_changed"],
        removed_at=columns["file_removed_at"],
    )
