"""Serves the reports' CSV files as S3 serves presigned URLs."""

import contextlib
from email.utils import formatdate

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from sandbox.answers import Answer, answer_under, s3_error
from sandbox.body_answer import BodyAnswer, Ending, Plan
from sandbox.faults import Fault
from sandbox.odd_answer import OddAnswer
from sandbox.odd_bodies import ODD_BODIES, Csv
from sandbox.ranges import Span, UnsatisfiableError, asked_span, still_the_same
from sandbox.reports import Report, State
from sandbox.visit import Visit
from sandbox.world import World

_CREDENTIALS = ("authorization", "cookie", "intelligems-access-token")
_HTML = "<!doctype html><title>Sign in</title><h1>Please sign in</h1>"
_ENDINGS = {"download_dropped": Ending.RESET, "download_truncated": Ending.CLOSE, "slow_body": Ending.DRIP}


async def download(request: Request, world: World, visit: Visit) -> Answer:
    """Answer ``GET /files/{key}.csv``."""
    visit.operation = "download"
    if any(name in _CREDENTIALS or name.startswith("x-api-") for name in request.headers):
        world.witness.counts["leaked_credentials"] += 1
    key = request.path_params["key"]
    visit.report = report = world.reports.of_file(key)
    if report is not None:
        visit.vendor, visit.account = report.vendor, report.account
    refusal = world.links.refusal(key, request.query_params)
    if request.method != "GET":
        refusal = "SignatureDoesNotMatch", "The URL was signed for GET alone."
    if refusal is not None or report is None:
        return s3_error(403, *(refusal or ("AccessDenied", "Access Denied")))
    world.witness.counts["downloads"] += 1
    report.asked["downloads"] += 1

    async def act(fault: Fault | None) -> Answer:
        return (
            _instead(fault, report)
            or _missing(fault, world, report)
            or _odd(fault, report, request.headers)
            or _served(fault, world, report, request.headers)
        )

    return await answer_under(world.faults.take(visit), request, world, visit, act)


def _instead(fault: Fault | None, report: Report) -> Answer | None:
    """Return what comes in place of the file, whether or not there is one."""
    match fault.fault if fault else None:
        case "link_expired":
            return s3_error(403, "AccessDenied", "Request has expired")
        case "redirected" if fault and fault.location is not None:
            return Response(status_code=302, headers={"Location": fault.location})
        case "html_page":
            return Response(_HTML, media_type="text/html")
        case "empty_body":
            return Response(b"", media_type="text/csv")
        case "header_only":
            return Response(report.body.heading, media_type="text/csv")
    return None


def _missing(fault: Fault | None, world: World, report: Report) -> Answer | None:
    match fault.fault if fault else None:
        case "report_gone":
            report.vanish()
        case "body_size" if fault and fault.bytes is not None:
            report.resize(fault.bytes, world.settings.seed)
    if report.state is not State.COMPLETED:
        return s3_error(404, "NoSuchKey", "The specified key does not exist.")
    return None


def _odd(fault: Fault | None, report: Report, asked: Headers) -> Answer | None:
    if fault is None or fault.body is None or fault.fault != "odd_body":
        return None
    body, span = report.body, None
    with contextlib.suppress(UnsatisfiableError):
        span = asked_span(asked.get("range"), body.size)
    records = b"".join(body.pieces(len(body.heading), body.size))
    return OddAnswer(ODD_BODIES[fault.body](Csv(body.heading, records, body.etag, span.start if span else 0)))


def _served(fault: Fault | None, world: World, report: Report, asked: Headers) -> Answer:
    body = report.body
    headers = {
        "Content-Type": "text/csv",
        "ETag": body.etag,
        "Last-Modified": formatdate(report.finish_at, usegmt=True),
        "Accept-Ranges": "bytes",
    }
    span = None
    if still_the_same(asked.get("if-range"), body.etag, headers["Last-Modified"]):
        try:
            span = asked_span(asked.get("range"), body.size)
        except UnsatisfiableError:
            answer = s3_error(416, "InvalidRange", "The requested range is not satisfiable")
            answer.headers["Content-Range"] = f"bytes */{body.size}"
            return answer
    if span is not None:
        headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{body.size}"
    part = span or Span(0, body.size)

    def sent(piece: int) -> None:
        report.asked["bytes_sent"] += piece

    def ended() -> None:
        if part == Span(0, body.size):
            world.witness.counts["whole_downloads"] += 1
            report.asked["whole_downloads"] += 1

    if fault is None or fault.fault != "chunked_body":
        headers["Content-Length"] = str(part.stop - part.start)
    return BodyAnswer(body, part, _plan(fault, part.stop - part.start), headers, sent=sent, ended=ended)


def _plan(fault: Fault | None, size: int) -> Plan:
    if fault is None or fault.fault not in _ENDINGS:
        return Plan()
    ending = _ENDINGS[fault.fault]
    well = fault.after_bytes
    if well is None:
        well = 0 if ending is Ending.DRIP else size // 2
    return Plan(ending, min(well, size - 1), 1.0 if fault.seconds is None else fault.seconds)
