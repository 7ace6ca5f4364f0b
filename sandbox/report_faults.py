"""Lays on a report the faults that change the report itself."""

from sandbox.faults import Fault
from sandbox.reports import Report
from sandbox.world import World


def apply_to_report(fault: Fault | None, world: World, report: Report, *, is_new: bool) -> None:
    """Change the report as ``fault`` says; a new one that is to fail first takes its time."""
    match fault:
        case Fault(fault="report_failed") if is_new:
            report.fails = True
        case Fault(fault="report_failed"):
            report.fail()
        case Fault(fault="never_finishes"):
            world.reports.never_finish(report)
        case Fault(fault="goes_back"):
            world.reports.build_on(report, 1 if fault.seconds is None else fault.seconds)
        case Fault(fault="body_size", bytes=int(size)):
            report.resize(size, world.settings.seed)
