"""Names what a step can come to; a step returns one of these and touches no row."""

from dataclasses import dataclass

from landfall.exports.errors import Deferral, ExportError, ReportLost, TemporaryError
from landfall.exports.job import Artifact, Fault
from landfall.exports.states import State

_ADVANCES = frozenset({State.EXPORTING, State.READY, State.STORED, State.QUEUED})


@dataclass(frozen=True, slots=True)
class Advanced:
    """The step is done; the export moves on: to STORED with its artifact, back to QUEUED with the reason."""

    to: State
    report_id: str | None = None
    artifact: Artifact | None = None
    fault: Fault | None = None

    def __post_init__(self) -> None:
        """Refuse what no step can come to."""
        if self.to not in _ADVANCES:
            raise ValueError(f"no step leads to {self.to}")
        if (self.artifact is not None) != (self.to is State.STORED):
            raise ValueError("an artifact comes with the move to stored, and only there")
        if (self.fault is not None) != (self.to is State.QUEUED):
            raise ValueError("a fault comes with the move back to queued, and only there")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not yet, and nobody's failure: costs no attempt. `delay` is in seconds, None leaves it to the policy."""

    fault: Fault | None = None
    delay: float | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Retrying:
    """The attempt failed; another may help. `delay` is the least wait in seconds."""

    fault: Fault
    delay: float | None = None


@dataclass(frozen=True, slots=True)
class GaveUp:
    """No attempt can help."""

    fault: Fault


Outcome = Advanced | Waiting | Retrying | GaveUp


def outcome_of(error: ExportError) -> Outcome:
    """Turn an error that a step raised into what it means for the export."""
    match error:
        case Deferral():
            return Waiting(error.fault, error.delay)
        case TemporaryError():
            return Retrying(error.fault, error.delay)
        case ReportLost():
            return Advanced(to=State.QUEUED, fault=error.fault)
        case _:
            return GaveUp(error.fault)
