"""Steers the exports of a batch."""

from collections import Counter
from functools import partial

from api import steering
from api.auth import Caller
from api.plans import cancelling, retrying
from api.services import Services
from api.steering import Tally
from landfall.database.reading import Filter
from landfall.database.steering import not_made_for
from landfall.exports.states import State


async def count_to_cancel(given: Services, caller: Caller, batch_id: str) -> Counter[State]:
    """How many exports `cancel` would take, by state."""
    spared = await given.database.read(partial(not_made_for, batch_id=batch_id))
    return await steering.count(given, _of(batch_id, caller), cancelling(given, caller), spared=spared)


async def cancel(given: Services, caller: Caller, batch_id: str) -> Tally:
    """Cancel the exports of the batch that have not ended; those that it only joined go on."""
    spared = await given.database.read(partial(not_made_for, batch_id=batch_id))
    return await steering.carry_out(given, _of(batch_id, caller), cancelling(given, caller), spared=spared)


async def count_to_retry(given: Services, caller: Caller, batch_id: str) -> Counter[State]:
    """How many exports `retry` would take, by state."""
    return await steering.count(given, _of(batch_id, caller), retrying(caller, "step"))


async def retry(given: Services, caller: Caller, batch_id: str, start: str) -> Tally:
    """Try the exports of the batch again that failed or were cancelled, from their `step` or from the `start`."""
    return await steering.carry_out(given, _of(batch_id, caller), retrying(caller, start))


def _of(batch_id: str, caller: Caller) -> Filter:
    return Filter(batch=batch_id, within=caller.accounts)
