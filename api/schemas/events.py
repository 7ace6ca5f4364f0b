"""Defines how timelines and live events read."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from api.schemas.errors import ErrorView
from landfall.database.following import Happening
from landfall.database.reading import TimelineEvent
from landfall.exports.states import State


class EventView(BaseModel):
    """One line of an export's timeline."""

    id: int = Field(description="Its number: later events have higher ones.")
    at: datetime
    kind: str
    state: State = Field(description="The state that the event left the export in.")
    step: str | None
    attempt: int
    generation: int
    seconds: float | None = Field(description="How long the step ran.")
    error: ErrorView | None
    note: str | None
    due_at: datetime | None = Field(description="When the next step is due; of an export's last event alone.")

    @classmethod
    def of(cls, event: TimelineEvent, due_at: datetime | None = None) -> "EventView":
        """The view of an event."""
        return cls.model_construct(**_fields(event), due_at=due_at)


class EventPage(BaseModel):
    """A page of the timeline, oldest first; `next` is the cursor of the page after it."""

    items: list[EventView]
    next: str | None


class LiveEventView(EventView):
    """An event of the stream, and whose it is."""

    export_id: str
    account: str

    @classmethod
    def happening(cls, happened: Happening) -> "LiveEventView":
        """The view of what has happened."""
        return cls.model_construct(
            **_fields(happened.event), due_at=happened.due_at, export_id=happened.export_id, account=happened.account
        )


def _fields(event: TimelineEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "at": event.at,
        "kind": event.kind,
        "state": State(event.state),
        "step": event.step,
        "attempt": event.attempt,
        "generation": event.generation,
        "seconds": event.seconds,
        "error": ErrorView.of(event.error),
        "note": event.note,
    }
