"""Defines what the API reads and writes: the public contract, explained in the OpenAPI page."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from landfall.database.accounts import AccountSlots
from landfall.exports.job import ExportJob, Fault
from landfall.exports.states import State
from landfall.vendors.catalog import VENDORS

_REQUEST_REFS = [{"$ref": f"#/components/schemas/{schemas.request.__name__}"} for schemas in VENDORS.values()]

Label = Annotated[str, Field(max_length=200)]
LABEL_KEY = re.compile(r"[A-Za-z0-9_.-]{1,63}")
LabelKey = Annotated[str, Field(pattern=f"^{LABEL_KEY.pattern}$")]


def _written(value: object) -> object:
    if not isinstance(value, str | timedelta):
        raise ValueError("write it as an ISO 8601 duration, for example PT12H")  # noqa: TRY004 - pydantic reports ValueError only
    return value


class Submission(BaseModel):
    """A request for an export."""

    model_config = ConfigDict(extra="forbid", strict=True)

    account: str = Field(description="The account's name in landfall.toml.", examples=["shop-ab"])
    request: Annotated[dict[str, Any], WithJsonSchema({"oneOf": _REQUEST_REFS})] = Field(
        description="What to export, in the schema of the account's vendor.",
    )
    priority: int = Field(default=0, ge=-1000, le=1000, description="Higher goes first; equal ones by age.")
    labels: dict[LabelKey, Label] = Field(default_factory=dict, max_length=20, description="Your own names for it.")
    deadline: Annotated[
        timedelta, Field(strict=False, gt=timedelta(0), le=timedelta(days=7)), BeforeValidator(_written)
    ] = Field(
        default=timedelta(hours=12),
        description="ISO 8601 duration: how long the vendor may take, counted from the start of the report.",
        examples=["PT12H"],
    )
    callback_url: None = Field(default=None, description="Reserved for webhooks; must be null in this release.")
    force: bool = Field(default=False, description="Make another export even if the same request is in flight.")


class ErrorView(BaseModel):
    """Why an export failed, or what its last attempt ran into."""

    code: str
    message: str
    action: str = Field(description="What helps.")

    @classmethod
    def of(cls, fault: Fault | None) -> "ErrorView | None":
        """The view of a fault, None where there is none."""
        if fault is None:
            return None
        return cls.model_construct(code=fault.code, message=fault.message, action=fault.action)


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


class EventView(BaseModel):
    """One line of an export's timeline."""

    at: datetime
    kind: str
    state: State = Field(description="The state that the event left the export in.")
    step: str | None
    attempt: int
    generation: int
    seconds: float | None = Field(description="How long the step ran.")
    error: ErrorView | None
    note: str | None


class EventPage(BaseModel):
    """The timeline, oldest first."""

    items: list[EventView]
    next: str | None


class BreakerView(BaseModel):
    """Why nobody calls the vendor for now."""

    state: Literal["open", "half_open"]
    error: ErrorView
    until: datetime | None = Field(description="When one call tries again.")


class AccountView(BaseModel):
    """An account and its slots."""

    name: str
    vendor: str
    max_started: int = Field(description="Reports that may be in the making at once.")
    limit: int = Field(description="The same, while the vendor throttles below it.")
    slots_used: int
    queued: int
    blocked_until: datetime | None = Field(description="The vendor asked for a pause until then.")
    breaker: BreakerView | None

    @classmethod
    def of(cls, slots: AccountSlots) -> "AccountView":
        """The view of an account."""
        throttle, error = slots.throttle, ErrorView.of(slots.throttle.reason)
        state: Literal["open", "half_open"] = "half_open" if throttle.probing else "open"
        return cls(
            name=slots.name,
            vendor=slots.vendor,
            max_started=throttle.max_started,
            limit=throttle.slots,
            slots_used=slots.slots_used,
            queued=slots.queued,
            blocked_until=throttle.blocked_until,
            breaker=BreakerView(state=state, error=error, until=throttle.open_until) if error else None,
        )


class AccountPage(BaseModel):
    """The accounts of the settings."""

    items: list[AccountView]
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
