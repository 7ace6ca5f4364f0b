"""Speaks Intelligems' export API: one POST that blocks while the report is built."""

import json
import math
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.account_names import intelligems_account
from sandbox.answers import Answer, answer_under, plain_error, rate_limited
from sandbox.clock import now
from sandbox.connections import disconnected_within
from sandbox.faults import Fault
from sandbox.intelligems_request import problems_of
from sandbox.report_faults import apply_to_report
from sandbox.reports import Report, State
from sandbox.visit import Visit
from sandbox.world import World

# There is any other experience that is asked for.
_NO_EXPERIENCE = "00000000-0000-0000-0000-000000000000"
_DO_NOT_WAIT = ("null_url", "lost_answer", "garbage_answer", "odd_answer")


async def export(request: Request, world: World, visit: Visit) -> Answer:
    """Answer ``POST /analytics/experience/{experienceId}/export``."""
    visit.operation = "start"
    token = request.headers.get("intelligems-access-token", "")
    if not token.startswith("sandbox-"):
        return plain_error(401)
    visit.account = intelligems_account(token)
    bucket = world.buckets[visit.account]
    if bucket.take():
        headers = bucket.headers()
        answer = await _export_within_limits(request, world, visit)
    else:
        headers = bucket.headers()
        world.witness.counts["rate_limited"] += 1
        answer = rate_limited(math.ceil(bucket.wait), retry_after_header=False)
    if isinstance(answer, Response):
        answer.headers.update(headers)
    return answer


async def _export_within_limits(request: Request, world: World, visit: Visit) -> Answer:
    body, experience_id = await _json_of(request), request.path_params["experience_id"]
    problems = problems_of(experience_id, body)
    question = json.dumps([visit.account, experience_id, body], sort_keys=True)
    visit.report = _report_under_way(world, question)

    async def act(fault: Fault | None) -> Answer:
        if problems:
            return JSONResponse({"errors": [], "properties": {f: {"errors": e} for f, e in problems.items()}}, 400)
        if experience_id == _NO_EXPERIENCE:
            return plain_error(404)
        report = _attach_or_begin(world, visit, question, {"experienceId": experience_id, **body}, fault)
        if fault is None or fault.fault not in _DO_NOT_WAIT:
            await _wait(report, world.settings.intelligems_timeout, request)
        if fault is not None and fault.fault == "null_url":
            return _null_url(report, "Export timed out, please retry")
        return _outcome(world, report, question, visit.base_url)

    return await answer_under(world.faults.take(visit), request, world, visit, act)


async def _json_of(request: Request) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(await request.body())
    except ValueError:
        return None


def _report_under_way(world: World, question: str) -> Report | None:
    report = world.intelligems_questions.get(question)
    return None if report is None or report.state is State.GONE else report


def _attach_or_begin(
    world: World, visit: Visit, question: str, received: dict[str, Any], fault: Fault | None
) -> Report:
    attached = visit.report is not None
    report = visit.report or world.reports.accept(visit.vendor, visit.account or "", received["exportType"], received)
    apply_to_report(fault, world, report, is_new=not attached)
    visit.report = world.intelligems_questions[question] = report
    if attached:
        report.asked["polls"] += 1
    counter = world.witness.polls if attached else world.witness.starts
    counter[visit.vendor] += 1
    return report


async def _wait(report: Report, seconds: float, request: Request) -> None:
    until = now() + seconds
    while report.state is State.STARTED and now() < until:
        if await disconnected_within(min(report.finish_at, until) - now(), request.receive):
            return


def _outcome(world: World, report: Report, question: str, base_url: str) -> Response:
    report.answered()
    match report.state:
        case State.COMPLETED:
            return _link(world, report, base_url)
        case State.FAILED:
            # Told once; the same POST then begins a new report.
            world.intelligems_questions.pop(question, None)
            return _null_url(report, "Export failed, please retry")
        case _:
            return _null_url(report, "Export timed out, please retry")


def _link(world: World, report: Report, base_url: str) -> Response:
    world.witness.links[report.vendor] += 1
    report.asked["links"] += 1
    seconds = world.settings.link_seconds_intelligems
    url = world.links.url(base_url, report.key, seconds)
    return _answer(report, url, int(seconds) if seconds.is_integer() else seconds, "Export ready")


def _null_url(report: Report, message: str) -> Response:
    return _answer(report, None, 0, message)


def _answer(report: Report, url: str | None, expires_in: float, message: str) -> Response:
    experience_id = report.request["experienceId"]
    return JSONResponse(
        {
            "exportType": report.report_type,
            "experienceId": experience_id,
            "experienceName": f"Experience {experience_id[:8]}",
            "url": url,
            "expiresIn": expires_in,
            "format": "csv",
            "message": message,
        }
    )
