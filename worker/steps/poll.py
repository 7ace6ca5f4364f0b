"""Asks the vendor whether a report is finished."""

from landfall import failpoints
from landfall.exports.job import ExportJob
from landfall.exports.outcomes import Advanced, Outcome, Waiting
from landfall.exports.states import State
from landfall.vendors.vendor import Finished, Pending, Vendor


async def poll(job: ExportJob, vendor: Vendor) -> Outcome:
    """Ask once. Raises the errors of landfall.exports.errors."""
    failpoints.reach("poll.before_call", job.id)
    status = await vendor.report_status(job)
    failpoints.reach("poll.answered", job.id)
    match status:
        case Finished(build_seconds, rest):
            return Advanced(to=State.READY, build_seconds=build_seconds, rest=rest)
        case Pending(note, rest):
            return Waiting(note=note, rest=rest)
