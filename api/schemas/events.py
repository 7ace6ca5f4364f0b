"""Defines how an export's timeline reads."""

from datetime import datetime

from pydantic import BaseModel, Field

from api.schemas.errors import ErrorView
from landfall.exports.states import State


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
