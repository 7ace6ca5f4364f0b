"""Defines how a batch is asked for and how it reads."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from api.schemas.submission import Label, LabelKey
from landfall.database.batches import MOST_FAILURES, Batch
from landfall.exports.states import State

MOST_EXPORTS = 10_000
_SUBMISSION = {"$ref": "#/components/schemas/Submission"}


class BatchSubmission(BaseModel):
    """A request for many exports: a list of them (`exports`), or one (`export`) over a range that is cut into windows."""

    model_config = ConfigDict(extra="forbid", strict=True)

    # Each is checked as a submission later, in turns with the other requests of this process.
    exports: list[Annotated[dict[str, Any], WithJsonSchema(_SUBMISSION)]] | None = Field(
        default=None, min_length=1, max_length=MOST_EXPORTS, description="The exports, each as POST /v1/exports has it."
    )
    export: Annotated[dict[str, Any], WithJsonSchema(_SUBMISSION)] | None = Field(
        default=None,
        description="What all windows have in common; without `start` and `end` in its request.",
    )
    begin: str | None = Field(
        default=None,
        alias="from",
        description="First moment of the range: a date, which is its midnight in `time_zone`, or a time with its zone.",
        examples=["2026-01-01"],
    )
    to: str | None = Field(default=None, description="End of the range, likewise.", examples=["2026-02-01"])
    window: str | None = Field(
        default=None,
        description="ISO 8601 duration of months, weeks, days or hours; the last window is cut short.",
        examples=["P1D"],
    )
    time_zone: str | None = Field(
        default=None,
        description="Whose calendar days and months are counted on; default UTC.",
        examples=["America/New_York"],
    )
    labels: dict[LabelKey, Label] = Field(
        default_factory=dict, max_length=20, description="For the batch and each export; an export's own win."
    )
    priority: int | None = Field(default=None, ge=-1000, le=1000, description="For each export that names none.")


class BatchExports(BaseModel):
    """The exports of a batch by where they stand."""

    total: int = Field(description="Fewer than `requested` where some asked for the same.")
    by_state: dict[State, int]


class BatchFailure(BaseModel):
    """An export of the batch that failed."""

    export: str
    code: str
    message: str


class BatchView(BaseModel):
    """A batch as it stands."""

    id: str
    created_at: datetime
    finished_at: datetime | None = Field(description="When none of its exports was live any more.")
    requested: int
    exports: BatchExports
    failures: list[BatchFailure] = Field(description=f"The first {MOST_FAILURES}; `exports` has the number of all.")
    labels: dict[str, str]
    progress: float = Field(description="How many of its exports have ended, from 0 to 1.")

    @classmethod
    def of(cls, batch: Batch) -> "BatchView":
        """The view of a batch."""
        return cls(
            id=batch.id,
            created_at=batch.created_at,
            finished_at=batch.finished_at,
            requested=batch.requested,
            exports=BatchExports(total=batch.total, by_state=dict(batch.by_state)),
            failures=[
                BatchFailure(export=each.export_id, code=each.code, message=each.message) for each in batch.failures
            ],
            labels=dict(batch.labels),
            progress=batch.progress,
        )


class BatchPage(BaseModel):
    """A page of batches, newest first; `next` is the cursor of the page after it."""

    items: list[BatchView]
    next: str | None
