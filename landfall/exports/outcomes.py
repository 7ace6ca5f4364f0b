"""Names what a step can come to; a step returns one of these and touches no row."""

from dataclasses import dataclass

from landfall.exports.errors import AnswerLost, Deferral, ExportError, ReportLost, TemporaryError
from landfall.exports.job import Artifact, ExportJob, Fault
from landfall.exports.states import State, Step
from landfall.exports.throttle import Effect

_ADVANCES = frozenset({State.EXPORTING, State.READY, State.STORED, State.QUEUED})


@dataclass(frozen=True, slots=True)
class Advanced:
    """The step is done; the export moves on: to STORED with its artifact, back to QUEUED with the reason.

    `no_copy` is why a stored file has no Parquet copy although its account asks for one.
    `build_seconds` is how long the vendor says that it built. `rest` (here and below) is how long, in seconds, the
    vendor wants no further request; `effect` is what a failure says of the account; `asked` is False where the vendor
    was not called at all, so that nothing is known of the account.
    """

    to: State
    report_id: str | None = None
    artifact: Artifact | None = None
    fault: Fault | None = None
    no_copy: Fault | None = None
    build_seconds: float | None = None
    rest: float | None = None
    asked: bool = True

    def __post_init__(self) -> None:
        """Refuse what no step can come to."""
        if self.to not in _ADVANCES:
            raise ValueError(f"no step leads to {self.to}")
        if (self.artifact is not None) != (self.to is State.STORED):
            raise ValueError("an artifact comes with the move to stored, and only there")
        if (self.fault is not None) != (self.to is State.QUEUED):
            raise ValueError("a fault comes with the move back to queued, and only there")
        if self.no_copy is not None and self.artifact is None:
            raise ValueError("only a stored file can lack its copy")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not yet, and nobody's failure: costs no attempt. `delay` is in seconds, None leaves it to the policy.

    A start goes back to the queue, until the account may be used again, unless it `keeps_slot`: what it waits for is no
    matter of the account.
    """

    fault: Fault | None = None
    delay: float | None = None
    note: str | None = None
    effect: Effect = Effect.NONE
    rest: float | None = None
    asked: bool = True
    keeps_slot: bool = False


@dataclass(frozen=True, slots=True)
class Retrying:
    """The attempt failed; another may help. `delay` is the least wait in seconds.

    `unknown` says that the request may have done what it asked for. `published` is the export's file where nothing but
    its Parquet copy failed.
    """

    fault: Fault
    delay: float | None = None
    unknown: bool = False
    published: Artifact | None = None
    effect: Effect = Effect.NONE


@dataclass(frozen=True, slots=True)
class GaveUp:
    """No attempt can help."""

    fault: Fault
    effect: Effect = Effect.NONE


Outcome = Advanced | Waiting | Retrying | GaveUp


def outcome_of(error: ExportError) -> Outcome:
    """Turn an error that a step raised into what it means for the export."""
    match error:
        case Deferral():
            return Waiting(error.fault, error.delay, effect=error.effect)
        case TemporaryError():
            return Retrying(error.fault, error.delay, unknown=isinstance(error, AnswerLost), effect=error.effect)
        case ReportLost():
            return Advanced(to=State.QUEUED, fault=error.fault)
        case _:
            return GaveUp(error.fault, effect=error.effect)


def effect_of(job: ExportJob, outcome: Outcome) -> Effect:
    """What the outcome of the export's due step says of its account."""
    match outcome:
        case Advanced(asked=False):
            return Effect.NONE
        case Advanced(fault=None) | Waiting(fault=None, effect=Effect.NONE):
            return Effect.STARTED if job.step is Step.START else Effect.ANSWERED
        case Advanced():
            return Effect.ANSWERED
        case _:
            return outcome.effect


def leads_to_a_poll(outcome: Outcome) -> bool:
    """Whether the vendor is asked next how the report stands."""
    match outcome:
        case Advanced(to=State.EXPORTING):
            return True
        case Waiting(fault=None):
            return True
        case _:
            return False
