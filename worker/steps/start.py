"""Orders a report from the vendor."""

from landfall import failpoints
from landfall.exports.job import ExportJob
from landfall.exports.outcomes import Advanced, Outcome
from landfall.exports.states import State
from landfall.vendors.vendor import Vendor


async def start(job: ExportJob, vendor: Vendor) -> Outcome:
    """Start the report. Raises the errors of landfall.exports.errors."""
    failpoints.reach("start.before_call", job.id)
    started = await vendor.start(job)
    failpoints.reach("start.accepted", job.id)
    return Advanced(
        to=State.READY if started.built else State.EXPORTING, report_id=started.report_id, rest=started.rest
    )
