"""Writes the canonical log line of a step."""

import logging

from landfall.database.settlements import Settlement
from landfall.exports.job import ExportJob
from landfall.exports.outcomes import Outcome, Waiting
from landfall.exports.states import Step
from landfall.log import get_logger

_log = get_logger(__name__)


def tell(step: Step, job: ExportJob, outcome: Outcome, settlement: Settlement | None, seconds: float) -> None:
    """Write what a step came to; `settlement` is None where it came late, `seconds` how long it ran."""
    fault = outcome.fault
    # An answer that Landfall does not know: somebody has to look.
    note = outcome.note if isinstance(outcome, Waiting) else None
    # "Not yet" is what most polls say; the export's timeline has each of them.
    waits = isinstance(outcome, Waiting) and not (outcome.asked and (fault or note))
    _log.log(
        logging.WARNING if note else logging.DEBUG if waits else logging.INFO,
        "step",
        export=job.id,
        account=job.account,
        step=step,
        attempt=job.attempts,
        outcome=type(outcome).__name__.lower() if settlement else "fenced",
        state=settlement.job.state if settlement else None,
        error=fault.code if fault else None,
        seconds=round(seconds, 4),
        **({"note": note} if note else {}),
    )
