"""Answers the calls that steer the sandbox and read its witness."""

import asyncio
import json
import math
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from sandbox.faults import Fault, FaultRefusedError, read_fault
from sandbox.reports import Report, State
from sandbox.world import World

# The checksum of more would keep who asks for it waiting.
_SUMMED_BYTES = 4 << 30
_COUNTS = ("requests", "throttled", "rate_limited", "tokens", "downloads", "whole_downloads", "leaked_credentials")


async def stats(request: Request) -> JSONResponse:
    """Answer ``GET /_sandbox/stats``."""
    world: World = request.app.state.world
    witness = world.witness
    return JSONResponse(
        {
            **{name: witness.counts[name] for name in _COUNTS},
            "starts": _by_vendor(witness.starts),
            "polls": _by_vendor(witness.polls),
            "links": _by_vendor(witness.links),
            "most_started": dict(world.reports.most_started),
            "started_now": world.reports.started_now(),
            "faults": dict(world.faults.struck),
        }
    )


def _by_vendor(counts: dict[str, int]) -> dict[str, int]:
    return {vendor: counts.get(vendor, 0) for vendor in ("intelligems", "buy_with_prime")}


async def reports(request: Request) -> JSONResponse:
    """Answer ``GET /_sandbox/reports``; the checksums of finished reports are computed in a thread."""
    world: World = request.app.state.world
    shown = list(world.reports.by_id.values())
    sums = await asyncio.to_thread(lambda: [_checksum(report) for report in shown])
    return JSONResponse([_described(report, sha256) for report, sha256 in zip(shown, sums, strict=True)])


def _checksum(report: Report) -> str | None:
    summed = report.state in {State.COMPLETED, State.GONE} and report.body.size <= _SUMMED_BYTES
    return report.body.sha256 if summed else None


def _described(report: Report, sha256: str | None) -> dict[str, Any]:
    finished = math.isfinite(report.finish_at) and report.state is not State.STARTED
    return {
        "vendor": report.vendor,
        "account": report.account,
        "id": report.id,
        "request": report.request,
        "state": report.state.value,
        "requested_at": report.requested_at,
        "finished_at": report.finish_at if finished else None,
        "build_seconds": report.build_seconds,
        "first_poll_after_finish_at": report.first_poll_after_finish_at,
        **{name: report.asked[name] for name in ("polls", "links", "downloads", "whole_downloads", "bytes_sent")},
        "bytes": report.body.size,
        "rows": report.body.rows,
        "sha256": sha256,
    }


async def reset(request: Request) -> JSONResponse:
    """Answer ``POST /_sandbox/reset``: forget reports, tokens, faults and counts."""
    request.app.state.world = request.app.state.new_world()
    return JSONResponse({"reset": True})


def _shown(fault: Fault) -> dict[str, Any]:
    return {"id": fault.id, **vars(fault)}


async def add_fault(request: Request) -> JSONResponse:
    """Answer ``POST /_sandbox/faults``."""
    world: World = request.app.state.world
    try:
        fault = read_fault(json.loads(await request.body()))
    except ValueError:
        return JSONResponse({"error": 'The body must be a JSON object such as {"fault": "throttle"}.'}, 422)
    except FaultRefusedError as refused:
        return JSONResponse({"error": str(refused)}, 422)
    return JSONResponse(_shown(world.faults.add(fault)), 201)


async def list_faults(request: Request) -> JSONResponse:
    """Answer ``GET /_sandbox/faults``: those that still wait, ``count`` being what is left."""
    world: World = request.app.state.world
    return JSONResponse([_shown(fault) for fault in world.faults.waiting])


async def remove_faults(request: Request) -> JSONResponse:
    """Answer ``DELETE /_sandbox/faults``."""
    world: World = request.app.state.world
    removed = len(world.faults.waiting)
    world.faults.waiting.clear()
    return JSONResponse({"removed": removed})
