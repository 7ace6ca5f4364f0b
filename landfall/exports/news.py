"""Puts the end of an export, or of a batch, into the words that webhooks are told it in."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from landfall.exports.job import Artifact, ExportJob, Fault
from landfall.exports.states import State

OF_STATE: Mapping[State, str] = MappingProxyType(
    {
        State.STORED: "export.stored",
        State.FAILED: "export.failed",
        State.CANCELLED: "export.cancelled",
    }
)
BATCH_FINISHED = "batch.finished"
TEST = "webhook.test"
TYPES = (*OF_STATE.values(), BATCH_FINISHED)


def payload(kind: str, at: datetime, data: Mapping[str, Any]) -> str:
    """The body that is sent, as the Standard Webhooks specification lays it out."""
    return json.dumps({"type": kind, "timestamp": moment(at), "data": dict(data)}, separators=(",", ":"))


def export_payload(job: ExportJob, ended: State, fault: Fault | None, at: datetime) -> str:
    """The body that tells of an export's end; one that was tried again since is told of as it ended then."""
    if job.state is not ended:
        job = replace(job, state=ended, error=fault, due_at=None, finished_at=at)
    here = f"/v1/exports/{job.id}"
    file = f"{here}/file" if job.artifact and job.artifact.removed_at is None else None
    return payload(OF_STATE[ended], at, export_as_json(job) | {"links": {"self": here, "file": file}})


def export_as_json(job: ExportJob) -> dict[str, Any]:
    """The export as the API shows it."""
    return {
        "id": job.id,
        "vendor": job.vendor,
        "account": job.account,
        "request": dict(job.request),
        "state": job.state.value,
        "attempts": job.attempts,
        "polls": job.polls,
        "generation": job.generation,
        "created_at": moment(job.created_at),
        "due_at": moment(job.due_at),
        "finished_at": moment(job.finished_at),
        "error": _fault(job.error),
        "file": _file(job.artifact),
        "labels": dict(job.labels),
        "priority": job.priority,
    }


def moment(at: datetime | None) -> str | None:
    """A time as the API writes it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None


def _fault(fault: Fault | None) -> dict[str, str] | None:
    return {"code": fault.code, "message": fault.message, "action": fault.action} if fault else None


def _file(artifact: Artifact | None) -> dict[str, Any] | None:
    if artifact is None:
        return None
    return {
        "uri": artifact.uri,
        "bytes": artifact.bytes,
        "rows": artifact.rows,
        "sha256": artifact.sha256,
        "columns": list(artifact.columns),
        "empty": artifact.empty,
        "header_changed": artifact.header_changed,
        "removed_at": moment(artifact.removed_at),
    }
