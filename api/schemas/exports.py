"""Defines how an export reads."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from api.schemas.errors import ErrorView
from landfall.exports.job import ExportJob
from landfall.exports.states import State


class FileView(BaseModel):
    """A published file."""

    uri: str
    bytes: int
    rows: int = Field(description="Data records, without the header.")
    sha256: str
    columns: list[str]
    empty: bool = Field(description="True if there is no data record.")
    header_changed: bool = Field(description="True if its columns are not those of the last file of its kind.")
    removed_at: datetime | None = Field(description="When retention removed it from the store.")


class ExportView(BaseModel):
    """An export as it stands."""

    id: str
    vendor: str
    account: str
    request: dict[str, Any] = Field(description="As asked, with every moving default fixed.")
    state: State
    attempts: int = Field(description="Tries of the step that is due.")
    polls: int = Field(description="Questions asked of the vendor.")
    generation: int = Field(description="Reports ordered so far.")
    created_at: datetime
    due_at: datetime | None = Field(description="When the next step is due; null while queued and once ended.")
    finished_at: datetime | None
    error: ErrorView | None
    file: FileView | None
    labels: dict[str, str]
    priority: int

    @classmethod
    def of(cls, job: ExportJob) -> "ExportView":
        """The view of an export."""
        return cls.model_construct(
            id=job.id,
            vendor=job.vendor,
            account=job.account,
            request=dict(job.request),
            state=job.state,
            attempts=job.attempts,
            polls=job.polls,
            generation=job.generation,
            created_at=job.created_at,
            due_at=job.due_at,
            finished_at=job.finished_at,
            error=ErrorView.of(job.error),
            file=_file(job),
            labels=dict(job.labels),
            priority=job.priority,
        )


class ExportPage(BaseModel):
    """A page of exports, newest first; `next` is the cursor of the page after it."""

    items: list[ExportView]
    next: str | None


def _file(job: ExportJob) -> FileView | None:
    artifact = job.artifact
    if artifact is None:
        return None
    return FileView.model_construct(
        uri=artifact.uri,
        bytes=artifact.bytes,
        rows=artifact.rows,
        sha256=artifact.sha256,
        columns=list(artifact.columns),
        empty=artifact.empty,
        header_changed=artifact.header_changed,
        removed_at=artifact.removed_at,
    )
