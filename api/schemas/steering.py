"""Defines how exports are steered: one, many by a filter, a whole batch."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.moments import Moment
from landfall.exports.states import State

_NAME = r"^[^\x00]*$"
_STRICT = ConfigDict(extra="forbid", strict=True)
AnyState = Annotated[State, Field(strict=False)]
Name = Annotated[str, Field(pattern=_NAME, min_length=1)]
From = Annotated[
    Literal["step", "start"],
    Field(description="`step`: with the report that is there, if there is one; `start`: order a new report."),
]


class ExportFilter(BaseModel):
    """Which exports to steer: those that every field lets through."""

    model_config = _STRICT

    state: AnyState | list[AnyState] | None = None
    account: Name | None = None
    vendor: Name | None = None
    label: Name | list[Name] | None = Field(default=None, description="key:value; a list where all of them must be.")
    batch: Name | None = Field(default=None, description="The id of a batch.")
    since: Moment | None = Field(default=None, description="Created at or after this moment.")
    until: Moment | None = Field(default=None, description="Created before this moment.")
    error: Name | None = Field(default=None, description="The code of their error.")


class Many(BaseModel):
    """Many exports at once."""

    model_config = _STRICT

    filter: ExportFilter = Field(default_factory=ExportFilter)
    all: bool = Field(default=False, description="Say so to steer every export there is; the filter is empty then.")
    dry_run: bool = Field(default=False, description="Only count.")


class ManyRetried(Many):
    """Many exports at once, and from where on they are tried again."""

    from_: From = Field(default="step", alias="from")


class Retried(BaseModel):
    """From where on an export is tried again."""

    model_config = _STRICT

    from_: From = Field(default="step", alias="from")


class ExportChange(BaseModel):
    """What can be changed of an export."""

    model_config = _STRICT

    priority: int = Field(ge=-1000, le=1000, description="Higher goes first; only a queued export can change it.")


class CountView(BaseModel):
    """A dry run: how many exports the filter lets through."""

    matched: int
    by_state: dict[State, int]


class SteeredView(BaseModel):
    """What became of many exports: `skipped` stood so already, or their state does not allow it."""

    matched: int
    changed: int
    skipped: int
