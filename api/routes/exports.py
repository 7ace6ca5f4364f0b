"""Serves /v1/exports."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel

from api import acceptance
from api.cursors import cursor_after, read_cursor
from api.finding import NOT_FOUND, PROBLEM, find_export
from api.problems import FieldError, invalid
from api.schemas.errors import ErrorView
from api.schemas.events import EventPage, EventView
from api.schemas.exports import ExportPage, ExportView
from api.schemas.submission import LABEL_KEY, Submission
from api.services import Given
from landfall import failpoints
from landfall.database import archive, reading
from landfall.database.reading import TimelineEvent
from landfall.exports.states import State

# Any text but one with NUL, which Postgres cannot even be asked for.
_NAME = r"^[^\x00]*$"
_INVALID: dict[int | str, dict[str, Any]] = {422: {**PROBLEM, "description": "A field is wrong; `errors` names it."}}

router = APIRouter(prefix="/v1/exports", tags=["exports"])


@router.post(
    "",
    status_code=HTTPStatus.ACCEPTED,
    response_model=ExportView,
    responses={
        200: {"model": ExportView, "description": "The same request is in flight already: that export."},
        202: {"description": "Accepted; `Location` is where to look."},
        **_INVALID,
    },
)
async def submit(submission: Submission, given: Given) -> Response:
    """Ask for an export."""
    request = acceptance.check(submission, given.accounts)
    vendor = given.accounts[submission.account].vendor
    accepted = await given.database.write(
        lambda connection: acceptance.accept(connection, submission, request, vendor),
    )
    failpoints.reach("accept.committed", accepted.job.id)
    if accepted.new and accepted.job.step:
        given.wake_a_worker()
    status = HTTPStatus.ACCEPTED if accepted.new else HTTPStatus.OK
    return _json(ExportView.of(accepted.job), status, location=f"/v1/exports/{accepted.job.id}")


@router.get("", response_model=ExportPage, responses=_INVALID)
async def list_exports(
    given: Given,
    state: Annotated[list[State] | None, Query(description="May be given more than once.")] = None,
    account: Annotated[str | None, Query(pattern=_NAME)] = None,
    vendor: Annotated[str | None, Query(pattern=_NAME)] = None,
    label: Annotated[list[str] | None, Query(description="key:value; may be given more than once.")] = None,
    since: Annotated[AwareDatetime | None, Query(description="Created at or after this moment.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(description="The `next` of the page before.")] = None,
) -> Response:
    """List exports, newest first."""
    labels = [_label(text) for text in label or ()]
    wanted = reading.Filter(state or (), account, vendor, labels, _in_utc(since))
    after = read_cursor(cursor) if cursor else None
    jobs = await given.database.read(lambda connection: reading.page(connection, wanted, after, limit + 1))
    more = cursor_after(jobs[limit - 1]) if len(jobs) > limit else None
    return _json(ExportPage.model_construct(items=[ExportView.of(job) for job in jobs[:limit]], next=more))


@router.get("/{export_id}", response_model=ExportView, responses=NOT_FOUND)
async def show(export_id: str, given: Given) -> Response:
    """One export."""
    return _json(ExportView.of(await find_export(given, export_id)))


@router.get("/{export_id}/events", response_model=EventPage, responses=NOT_FOUND)
async def list_events(export_id: str, given: Given) -> Response:
    """The export's timeline: every attempt, its outcome, how long it took."""
    await find_export(given, export_id)
    found = await given.database.read(
        lambda connection: reading.timeline(connection, export_id) or archive.timeline(connection, export_id)
    )
    return _json(EventPage.model_construct(items=[_event(event) for event in found], next=None))


def _in_utc(moment: datetime | None) -> datetime | None:
    try:
        return moment and moment.astimezone(UTC)
    except OverflowError:
        raise invalid([FieldError(parameter="since", detail="it lies outside the years 1 to 9999")]) from None


def _label(text: str) -> tuple[str, str]:
    key, colon, value = text.partition(":")
    if not colon or not LABEL_KEY.fullmatch(key) or "\0" in value:
        raise invalid([FieldError(parameter="label", detail="write it as key:value, both as in a label")])
    return key, value


def _event(event: TimelineEvent) -> EventView:
    return EventView.model_construct(
        at=event.at,
        kind=event.kind,
        state=State(event.state),
        step=event.step,
        attempt=event.attempt,
        generation=event.generation,
        seconds=event.seconds,
        error=ErrorView.of(event.error),
        note=event.note,
    )


def _json(view: BaseModel, status: HTTPStatus = HTTPStatus.OK, **headers: str) -> Response:
    return Response(view.model_dump_json(), status, headers=headers, media_type="application/json")
