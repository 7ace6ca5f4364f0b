"""Resolves Buy with Prime's three report operations."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from graphql import GraphQLError, GraphQLFieldResolver, GraphQLResolveInfo

from sandbox.faults import Fault
from sandbox.report_faults import apply_to_report
from sandbox.reports import Report, State
from sandbox.visit import Visit
from sandbox.world import World

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|\+00:00)")


@dataclass(frozen=True, slots=True)
class Call:
    """What the resolvers know of the request that they serve."""

    world: World
    account: str
    visit: Visit
    fault: Fault | None

    @property
    def fault_name(self) -> str | None:
        """The name of the fault that strikes this call."""
        return self.fault.fault if self.fault else None


def _error(message: str, error_type: str, error_code: int, **more: str) -> GraphQLError:
    kind = error_type.replace("Exception", "Error")
    classification = {"type": kind, "errorType": error_type, "errorCode": error_code, **more}
    return GraphQLError(message, extensions={"classification": classification})


def invalid(message: str, code: str | None = None) -> GraphQLError:
    """Return the vendor's ValidationException; ``code`` is one of its documented codes."""
    more = {"code": code, "details": message} if code else {}
    return _error(message, "ValidationException", 400, **more)


def _fail_inside(call: Call) -> None:
    if call.fault_name == "internal_error":
        # Some of the vendor's errors lack `type`; this one shows it.
        classification = {"errorType": "InternalServerError", "errorCode": 500}
        message = "Internal server error"
        raise GraphQLError(message, extensions={"classification": classification})
    if call.fault and call.fault.fault == "graphql_error":
        message = "Something went wrong"
        raise GraphQLError(message, extensions={"classification": {"errorType": call.fault.body}})


def _moment(text: str) -> datetime:
    if _DATE.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    message = "Dates must be in ISO-8601 UTC format"
    raise invalid(message, "InvalidDateFormat")


def _check(report_type: str, time_range: dict[str, str] | None) -> None:
    if report_type != "USER_EVENTS":
        message = "reportType must be USER_EVENTS"
        raise invalid(message, "InvalidReportType")
    if time_range and _moment(time_range["endDate"]) <= _moment(time_range["startDate"]):
        message = "endDate must be after startDate"
        raise invalid(message, "InvalidDateRange")


def start_report_task(_root: object, info: GraphQLResolveInfo[Call], **arguments: Any) -> dict[str, str]:  # noqa: ANN401 - GraphQL input
    """Begin a report, where one of the account's slots is free."""
    call = info.context
    wanted, reports, witness = arguments["input"], call.world.reports, call.world.witness
    _fail_inside(call)
    _check(wanted["reportType"], wanted.get("timeRange"))
    if call.fault_name == "throttle" or reports.started(call.account) >= call.world.settings.max_started:
        witness.counts["throttled"] += 1
        message = "Too many report tasks in STARTED state"
        raise _error(message, "ThrottlingException", 429)
    report = reports.accept("buy_with_prime", call.account, wanted["reportType"], dict(wanted))
    apply_to_report(call.fault, call.world, report, is_new=True)
    witness.starts[report.vendor] += 1
    call.visit.report = report
    return {"taskId": report.id}


def _report(call: Call, task_id: str) -> Report:
    _fail_inside(call)
    report = call.world.reports.owned(task_id, call.account)
    if report is not None:
        apply_to_report(call.fault, call.world, report, is_new=False)
        if call.fault_name == "report_gone":
            report.vanish()
    if report is None or report.state is State.GONE:
        message = "Querying for an invalid or expired taskId"
        raise _error(message, "ResourceNotFoundException", 404)
    return report


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _status(call: Call, report: Report) -> str:
    if call.fault_name == "unknown_status":
        return "ARCHIVING"
    if call.fault_name == "running" and report.state is State.STARTED:
        return "RUNNING"
    return report.state.value


def report_task(_root: object, info: GraphQLResolveInfo[Call], **arguments: str) -> dict[str, str]:
    """Tell how a report stands."""
    call = info.context
    call.world.witness.polls["buy_with_prime"] += 1
    report = _report(call, arguments["taskId"])
    report.polled()
    updated_at = report.requested_at if report.state is State.STARTED else report.finish_at
    return {
        "status": _status(call, report),
        "requestTime": _iso(report.requested_at),
        "lastUpdatedTime": _iso(updated_at),
        "reportType": report.report_type,
        "taskId": report.id,
    }


def report_download_link(_root: object, info: GraphQLResolveInfo[Call], **arguments: str) -> dict[str, str]:
    """Give a new download URL of a report that is COMPLETED."""
    call = info.context
    report = _report(call, arguments["taskId"])
    if report.state is not State.COMPLETED:
        message = "The report is not completed"
        raise invalid(message)
    call.world.witness.links["buy_with_prime"] += 1
    report.asked["links"] += 1
    if call.fault and call.fault.fault == "strange_link":
        return {"downloadUrl": call.fault.location or ""}
    return {"downloadUrl": call.world.links.url(call.visit.base_url, report.key, call.world.settings.link_seconds_bwp)}


_RESOLVERS: dict[str, GraphQLFieldResolver] = {
    "startReportTask": start_report_task,
    "reportTask": report_task,
    "reportDownloadLink": report_download_link,
}


def resolve(source: object, info: GraphQLResolveInfo[Call], **arguments: Any) -> object:  # noqa: ANN401 - GraphQL input
    """Resolve any field: an operation by its resolver, the field of an answer by its name."""
    if isinstance(source, dict):
        return source[info.field_name]
    return _RESOLVERS[info.field_name](source, info, **arguments)
