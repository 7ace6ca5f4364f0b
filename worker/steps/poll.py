"""Asks the vendor whether a report is finished."""

from landfall.exports.job import ExportJob
from landfall.exports.outcomes import Advanced, Outcome, Waiting
from landfall.exports.states import State
from landfall.vendors.vendor import Finished, Pending, Vendor


async def poll(job: ExportJob, vendor: Vendor) -> Outcome:
    """Ask once. Raises the errors of landfall.exports.errors."""
    match await vendor.report_status(job):
        case Finished():
            return Advanced(to=State.READY)
        case Pending(note):
            return Waiting(note=note)
