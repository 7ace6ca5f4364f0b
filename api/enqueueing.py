"""Enqueues what was found to be in order, and wakes a worker for it."""

from dataclasses import replace

from api.acceptance import Asked
from api.answers import alone
from api.request_span import origin, tell_of
from api.services import Services
from api.submitting import Submitted
from landfall import failpoints
from landfall.database.answers import Claim


async def enqueue(given: Services, asked: Asked, claim: Claim | None = None) -> Submitted:
    """Answer the submission with an export, once where it has a claim. Raises ProblemError or DatabaseUnavailable."""
    asked = replace(asked, traceparent=origin())
    with alone(given, claim):
        submitted = await given.submitting.submit(asked, claim)
    if made := submitted.made:
        tell_of(made.job, new=made.new)
        failpoints.reach("accept.committed", made.job.id)
        if made.new and made.job.step:
            given.wake_a_worker()
    return submitted
