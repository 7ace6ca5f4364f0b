"""Holds the state table of an export as data."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """Where an export stands; the state names the step that is due."""

    QUEUED = "queued"
    STARTING = "starting"
    EXPORTING = "exporting"
    READY = "ready"
    STORED = "stored"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Step(StrEnum):
    """A task that a worker runs for an export."""

    START = "start"
    POLL = "poll"
    DOWNLOAD = "download"


STEP_DUE: Mapping[State, Step] = MappingProxyType(
    {State.STARTING: Step.START, State.EXPORTING: Step.POLL, State.READY: Step.DOWNLOAD},
)

SLOT_HOLDING = frozenset({State.STARTING, State.EXPORTING})
TERMINAL = frozenset({State.STORED, State.FAILED, State.CANCELLED})

# from -> to -> what the edge is called in events, docs and the diagram
TRANSITIONS: Mapping[State, Mapping[State, str]] = MappingProxyType(
    {
        State.QUEUED: {State.STARTING: "admit", State.CANCELLED: "cancel"},
        State.STARTING: {
            State.STARTING: "again",
            State.EXPORTING: "start",
            State.READY: "start, built at once",
            State.QUEUED: "sent back",
            State.FAILED: "give up",
            State.CANCELLED: "cancel",
        },
        State.EXPORTING: {
            State.EXPORTING: "not yet",
            State.READY: "poll",
            State.QUEUED: "report lost",
            State.FAILED: "give up",
            State.CANCELLED: "cancel",
        },
        State.READY: {
            State.READY: "again",
            State.STORED: "download",
            State.QUEUED: "report lost",
            State.FAILED: "give up",
            State.CANCELLED: "cancel",
        },
        State.STORED: {},
        State.FAILED: {State.QUEUED: "retry", State.READY: "retry"},
        State.CANCELLED: {State.QUEUED: "retry", State.READY: "retry"},
    },
)


class IllegalMoveError(ValueError):
    """An outcome asked for a move that the state table does not have."""

    def __init__(self, source: State, target: State) -> None:
        """Name both ends of the refused move."""
        super().__init__(f"an export that is {source} cannot become {target}")


def check_move(source: State, target: State) -> None:
    """Raise IllegalMoveError unless the table has an edge from source to target."""
    if target not in TRANSITIONS[source]:
        raise IllegalMoveError(source, target)
