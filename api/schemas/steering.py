"""Defines how exports are steered: one, many by a filter, a whole batch."""

from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from api.moments import Moment
from landfall.exports.states import State

_MOST_NAMED = 20
_STRICT = ConfigDict(extra="forbid", strict=True)
AnyState = Annotated[State, Field(strict=False)]
Name = Annotated[str, Field(min_length=1)]
_SEVERAL = Field(min_length=1, max_length=_MOST_NAMED)
From = Annotated[
    Literal["step", "start"],
    Field(description="`step`: with the report that is there, if there is one; `start`: order a new report."),
]


def _one_or_more(value: object) -> Collection[object]:
    """The values, whether they came as a list or as one alone."""
    return value if isinstance(value, list) else [value]


# Looked at before pydantic tries each form by itself: it would tell of each, at places that are in no body.
def _states(value: object) -> object:
    if value is not None and not all(each in set(State) for each in _one_or_more(value) if isinstance(each, str)):
        raise ValueError(f"write one of {', '.join(State)}, or a list of them")
    return _texts(value)


def _texts(value: object) -> object:
    if value is not None and not all(isinstance(each, str) for each in _one_or_more(value)):
        raise ValueError("write a text, or a list of texts")
    if isinstance(value, list) and len(value) > _MOST_NAMED:
        raise ValueError(f"write {_MOST_NAMED} at most")
    if value == []:
        # No label at all would let through every export there is.
        raise ValueError("name at least one, or leave it out")
    return value


class ExportFilter(BaseModel):
    """Which exports to steer: those that every field lets through."""

    model_config = _STRICT

    state: Annotated[AnyState | Annotated[list[AnyState], _SEVERAL] | None, BeforeValidator(_states)] = None
    account: Name | None = None
    vendor: Name | None = None
    label: Annotated[Name | Annotated[list[Name], _SEVERAL] | None, BeforeValidator(_texts)] = Field(
        default=None, description="key:value; a list where all of them must be."
    )
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
