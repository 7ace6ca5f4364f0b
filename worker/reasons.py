"""Says why a step is not run, or was not run as it should have been."""

from landfall.exports.errors import AnswerLost
from landfall.exports.job import Fault
from landfall.exports.outcomes import Waiting, outcome_of

STOPPED_START = outcome_of(AnswerLost("the worker was stopped before the vendor answered"))
ALL_TURNS_TAKEN = Waiting(
    Fault(
        "downloads_busy",
        "as many downloads of the account are under way in this worker as max_downloads allows",
        "Nothing to do: Landfall goes on by itself.",
    ),
    asked=False,
)
INTERNAL_ERROR = Fault(
    "internal_error",
    "Landfall made a mistake; the worker's log tells more",
    "Report the log's traceback to Landfall's maintainers, then have it tried again (`landfall retry`).",
)
SUSPECT_WAITS = Waiting(
    Fault(
        "suspect_waits",
        "workers fell silent in this step before, so it runs beside no other of which that is true",
        "Nothing to do: Landfall goes on by itself.",
    ),
    # Its turn may come at any moment: a wait that doubles would leave it out for a minute.
    5.0,
    asked=False,
    # A start that went back to the queue would be admitted again at once, and again.
    keeps_slot=True,
)


def account_missing(name: str) -> Waiting:
    """The step of an account that this worker does not serve: another may, and an account put back goes on."""
    return Waiting(
        Fault(
            "account_missing",
            f"the settings of the worker that took the step have no account {name!r}",
            "Put the account into landfall.toml on every machine that runs a worker and restart it, or cancel the export.",
        ),
        5.0,
        asked=False,
        keeps_slot=True,
    )
