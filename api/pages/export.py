"""Serves the page of one export: where it stands and why, what happened to it, and the file."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from api.auth import Caller, Reader
from api.finding import find_export
from api.pages.forms import PageRoute
from api.pages.preview import Preview, Previews
from api.pages.rendering import page
from api.pages.report_window import window
from api.pages.waterfall import lives as lives_of
from api.problems import ProblemError
from api.services import Given
from api.stored_files import file_of
from landfall.database import archive, batches, explaining, lives, reading
from landfall.database.reading import TimelineEvent
from landfall.exports.circumstances import Circumstances
from landfall.exports.explaining import explain
from landfall.exports.job import ExportJob
from landfall.exports.states import TERMINAL, State, Step
from landfall.exports.steering import RETRIABLE
from landfall.webhooks import shown_url

MOST_DRAWN = 10_000
MOST_LISTED = 200
_HIGHEST = 2**63 - 1
_MOST_BATCHES = 10
# What the page says in another place: the error, and what helps against it.
_SAID_ELSEWHERE = frozenset({"failed", "what_helps", "last_error", "retry_waits", "waits_for_room", "retry"})

router = APIRouter(include_in_schema=False, route_class=PageRoute)


class Notice(StrEnum):
    """What led to this page."""

    NEW = "new"
    SAME = "same"
    CANCELLED = "cancelled"
    RETRIED = "retried"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class _Seen:
    known: Circumstances
    events: Sequence[TimelineEvent]
    listed: Sequence[TimelineEvent]
    ended_in: Step | None
    batches: Sequence[str]


@router.get("/exports/{export_id}")
async def show(
    export_id: str,
    request: Request,
    caller: Reader,
    given: Given,
    *,
    after: Annotated[int, Query(ge=0, le=_HIGHEST)] = 0,
    notice: Notice | None = None,
) -> Response:
    """One export."""
    seen = await given.database.read(partial(_look, export_id=export_id, caller=caller, after=after))
    if seen is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no export {export_id!r}")
    known, job = seen.known, seen.known.job
    explanation = explain(known)
    ended = job.state in TERMINAL
    return page(
        request,
        "export.html",
        live=[] if ended else ["#standing", "#actions", "#waterfall", "#file", "#timeline"],
        stream=f"/live?export={job.id}",
        ended=ended,
        notice=notice,
        now=known.now,
        job=job,
        archived=known.archived,
        explanation=explanation,
        details=[each for each in explanation.details[1:] if each.code not in _SAID_ELSEWHERE],
        lives=lives_of(seen.events[:MOST_DRAWN], _end(seen, known.now)),
        undrawn=len(seen.events) > MOST_DRAWN,
        most_drawn=MOST_DRAWN,
        listed=seen.listed[:MOST_LISTED],
        later=seen.listed[MOST_LISTED - 1].id if len(seen.listed) > MOST_LISTED else None,
        after=after,
        window=window(job.request),
        asked=[(name, _text(value)) for name, value in job.request.items()],
        request_json=json.dumps(dict(job.request), indent=2, ensure_ascii=False),
        retriable=job.state in RETRIABLE and not known.archived,
        ended_in=seen.ended_in,
        queued=job.state is State.QUEUED,
        batches=seen.batches,
        callback=shown_url(job.callback_url) if job.callback_url else None,
        preview=await _preview(request.app.state.previews, job),
    )


@router.head("/exports/{export_id}/file")
@router.get("/exports/{export_id}/file")
async def fetch(export_id: str, request: Request, caller: Reader, given: Given) -> Response:
    """The export's file, as /v1/exports/{export_id}/file has it."""
    return await file_of(request, given.store, await find_export(given, caller, export_id))


def _look(connection: Connection, export_id: str, caller: Caller, after: int) -> _Seen | None:
    known = explaining.gather(connection, export_id)
    if known is None or not caller.sees(known.job.account):
        return None
    timeline = archive.timeline if known.archived else reading.timeline
    events = timeline(connection, export_id, limit=MOST_DRAWN + 1)
    return _Seen(
        known,
        events,
        timeline(connection, export_id, after=after, limit=MOST_LISTED + 1) if after else events[: MOST_LISTED + 1],
        lives.ended_in(connection, known.job) if known.job.state in RETRIABLE and not known.archived else None,
        batches.having(connection, export_id, caller.accounts, _MOST_BATCHES),
    )


def _end(seen: _Seen, now: datetime) -> datetime:
    """Up to when the waterfall goes: where not all of it is drawn it ends with what is."""
    return now if len(seen.events) <= MOST_DRAWN else seen.events[MOST_DRAWN - 1].at


async def _preview(previews: Previews, job: ExportJob) -> Preview | None:
    artifact = job.artifact
    return await previews.of(artifact) if artifact and not artifact.removed_at else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
