"""Says what it is to cancel exports, and to retry them, for whoever asks."""

from collections.abc import Sequence

from api.auth import Caller
from api.services import Services
from api.steering import Plan
from landfall.database import steering as rows
from landfall.exports.states import State

_LIVE = (State.QUEUED, State.STARTING, State.EXPORTING, State.READY)
ENDED = (State.FAILED, State.CANCELLED)


def cancelling(given: Services, caller: Caller) -> Plan:
    """Cancel; where no state is named those that have not ended."""
    return Plan(rows.cancelling(given.policies, by(caller)), able=_LIVE, usual=_LIVE, wander=True)


def retrying(caller: Caller, start: str, usual: Sequence[State] = ENDED) -> Plan:
    """Try again what failed or was cancelled, from its `step` or from the `start`; where no state is named, the usual ones."""
    act = rows.retrying(by(caller), from_start=start == "start")
    return Plan(act, able=ENDED, usual=usual, prepare=rows.lock_for_retries)


def by(caller: Caller) -> str:
    """Whose wish it is, for the timeline."""
    return f"by key {caller.name}"
