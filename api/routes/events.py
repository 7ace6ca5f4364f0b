"""Serves timelines, as pages and as they grow, and the events of all exports as they happen."""

from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from sqlalchemy import Connection

from api.auth import Reader
from api.cursors import filters_text
from api.event_stream import MEDIA_TYPE, EventStream, prefers_stream, takes_stream
from api.feed import Feed, News
from api.finding import find_export
from api.problems import FieldError, ProblemError, invalid
from api.refusals import INVALID, NO_EXPORT, refusal
from api.room import check_room
from api.schemas.events import EventPage, EventView
from api.services import Given
from api.streams import EveryExport, OneExport, stream
from api.strict_route import StrictRoute
from landfall.database import archive, ledger, reading
from landfall.database.reading import Position, TimelineEvent
from landfall.exports.job import ExportJob
from landfall.exports.states import State

_HIGHEST = 2**63 - 1
_STREAM = {MEDIA_TYPE: {"schema": {"type": "string"}}}
_TOO_MANY = refusal(503, "Too many listen, or the database is away.")


async def _feed(request: Request) -> Feed:  # FastAPI hands to a thread what is not async
    feed: Feed = request.app.state.feed
    return feed


TheFeed = Annotated[Feed, Depends(_feed)]
LastEventId = Annotated[
    int | None,
    Header(ge=0, le=_HIGHEST, description="The number of the last event that came; the stream goes on behind it."),
]

router = APIRouter(prefix="/v1", tags=["events"], route_class=StrictRoute)


@router.get(
    "/exports/{export_id}/events",
    response_model=EventPage,
    responses={
        200: {"content": _STREAM, "description": "A page; with `Accept: text/event-stream` the events as they happen."},
        **NO_EXPORT,
        **INVALID,
        **_TOO_MANY,
    },
)
async def list_events(
    export_id: str,
    request: Request,
    caller: Reader,
    given: Given,
    feed: TheFeed,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    cursor: Annotated[str | None, Query(description="The `next` of the page before.")] = None,
    last_event_id: LastEventId = None,
) -> Response:
    """The export's timeline, oldest first: every attempt, its outcome, how long it took, when the next step is due."""
    job = await find_export(given, caller, export_id)
    if prefers_stream(request):
        check_room(feed, caller)
        return EventStream(stream(feed, OneExport(given.database, job), last_event_id or 0, caller.key_id))
    filters = filters_text("events", {"export": export_id})
    after = _number(given.cursors.read(cursor, filters)) if cursor else 0
    now, events = await given.database.read(partial(_timeline, job=job, after=after, limit=limit + 1))
    more = len(events) > limit
    views = [EventView.of(event) for event in events[: limit if more else -1]]
    if events and not more:
        views.append(EventView.of(events[-1], now.due_at))
    cut = events[limit - 1] if more else None
    following = given.cursors.after(Position(cut.at, str(cut.id)), filters) if cut else None
    page = EventPage.model_construct(items=views, next=following)
    return Response(page.model_dump_json(), headers={"vary": "accept"}, media_type="application/json")


@router.get(
    "/events",
    status_code=HTTPStatus.OK,
    response_class=EventStream,
    responses={
        200: {"content": _STREAM, "description": "The events of all exports that the key is good for."},
        **refusal(406, "It is a stream, and `Accept` takes none."),
        **INVALID,
        **_TOO_MANY,
    },
)
async def follow(
    request: Request,
    caller: Reader,
    given: Given,
    feed: TheFeed,
    account: Annotated[list[str] | None, Query(description="May be given more than once: any of them.")] = None,
    state: Annotated[
        list[State] | None, Query(description="The state that the event left its export in; any of them.")
    ] = None,
    last_event_id: LastEventId = None,
) -> Response:
    """What happens to all exports from now on, or behind `Last-Event-ID`, as server-sent events."""
    if not takes_stream(request):
        detail = f"this is a stream, `{MEDIA_TYPE}`, which `Accept` leaves out; /v1/exports/{{id}}/events has pages"
        raise ProblemError(HTTPStatus.NOT_ACCEPTABLE, detail, [FieldError(header="Accept", detail=detail)])
    check_room(feed, caller)
    accounts, states = frozenset(account or ()), frozenset(state or ())

    def wanted(news: News) -> bool:
        asked = (not accounts or news.account in accounts) and (not states or news.state in states)
        return asked and caller.sees(news.account)

    return EventStream(stream(feed, EveryExport(given.database, wanted), last_event_id, caller.key_id))


def _number(position: Position) -> int:
    try:
        return int(position.id)
    except ValueError:
        raise invalid([FieldError(parameter="cursor", detail="it belongs to another list")]) from None


def _timeline(connection: Connection, job: ExportJob, after: int, limit: int) -> tuple[ExportJob, list[TimelineEvent]]:
    """The export as it stands, and so much of its timeline, in one view."""
    now = ledger.find(connection, job.id)
    if now is None:
        return job, archive.timeline(connection, job.id, after=after, limit=limit)
    return now, reading.timeline(connection, job.id, after=after, limit=limit)
