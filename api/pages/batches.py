"""Serves the pages of batches: a list of them, how one stands, and what cancels or retries its exports."""

from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from api import batch_steering
from api.auth import Reader, Writer
from api.cursors import filters_text
from api.finding import find_batch
from api.pages.export_list import Done, Told
from api.pages.forms import PageRoute, Sent
from api.pages.rendering import page
from api.pages.report_window import window
from api.pages.steering_form import counted_in, start_of
from api.plans import ENDED
from api.services import Given
from api.steering import Tally
from landfall.database import batches, reading
from landfall.database.reading import Filter
from landfall.exports.states import TERMINAL, State

_LIMIT = 30
_MOST_SHOWN = 25
_VERB = {Done.CANCEL: "Cancel", Done.RETRY: "Retry"}
_PAST = {Done.CANCEL: "cancelled", Done.RETRY: "tried again"}
_HAPPENS = {Done.CANCEL: "are cancelled", Done.RETRY: "are tried again"}
_WHAT = {
    Done.CANCEL: "Exports that it only joined, because somebody had asked for the same before, go on.",
    Done.RETRY: "What failed or was cancelled begins a new life.",
}

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/batches")
async def list_batches(request: Request, caller: Reader, given: Given, cursor: str = "") -> Response:
    """The batches, newest first."""
    filters = filters_text("batches page", {"of": sorted(caller.accounts or ())})
    after = given.cursors.read(cursor, filters) if cursor else None
    found = await given.database.read(
        lambda connection: batches.page(connection, after, _LIMIT + 1, within=caller.accounts)
    )
    listed, more = given.cursors.cut(found, _LIMIT, filters)
    return page(
        request,
        "batches.html",
        live=["#batches"],
        now=datetime.now(UTC),
        batches=listed,
        next=f"/batches?{urlencode({'cursor': more})}" if more else None,
        first="/batches" if cursor else None,
    )


@router.get("/batches/{batch_id}")
async def show(
    request: Request,
    batch_id: str,
    caller: Reader,
    given: Given,
    *,
    done: Done | None = None,
    counted: Told = 0,
    matched: Told = 0,
    changed: Told = 0,
) -> Response:
    """How a batch stands, with its newest exports."""
    batch = await find_batch(given, caller, batch_id)
    wanted = Filter(batch=batch_id, within=caller.accounts)
    jobs = await given.database.read(partial(reading.page, wanted=wanted, after=None, limit=_MOST_SHOWN))
    return page(
        request,
        "batch.html",
        live=["#standing", "#exports"],
        now=datetime.now(UTC),
        batch=batch,
        states=list(State),
        jobs=jobs,
        window=window,
        live_count=sum(count for state, count in batch.by_state.items() if state not in TERMINAL),
        ended_count=sum(batch.by_state.get(state, 0) for state in ENDED),
        done=done,
        told={"counted": counted, "matched": matched, "changed": changed},
    )


@router.get("/batches/{batch_id}/cancel")
@router.get("/batches/{batch_id}/retry")
async def ask(request: Request, batch_id: str, caller: Writer, given: Given) -> Response:
    """How many exports it would be, by state, and whether that is meant."""
    done = Done(request.url.path.rpartition("/")[2])
    batch = await find_batch(given, caller, batch_id)
    count = batch_steering.count_to_cancel if done is Done.CANCEL else batch_steering.count_to_retry
    found = await count(given, caller, batch_id)
    number = f"{found.total()} export{'' if found.total() == 1 else 's'}"
    return page(
        request,
        "confirm.html",
        title=f"{_VERB[done]} {number}?" if found else f"Nothing to {done}",
        intro=f"Of the batch {batch.id}. {_WHAT[done]}",
        rows=[(state, count, True) for state, count in found.items()],
        happens=_HAPPENS[done],
        past=_PAST[done],
        count=found.total(),
        action=request.url.path,
        hidden=[("counted", found.total())],
        button=f"{_VERB[done]} {number}",
        back=f"/batches/{batch.id}",
        danger=done is Done.CANCEL,
        choose_start=done is Done.RETRY,
    )


@router.post("/batches/{batch_id}/cancel")
async def cancel(batch_id: str, caller: Writer, given: Given, form: Sent) -> Response:
    """Cancel what has not ended of the batch."""
    await find_batch(given, caller, batch_id)
    tally = await batch_steering.cancel(given, caller, batch_id)
    return _told(batch_id, Done.CANCEL, counted_in(form), tally)


@router.post("/batches/{batch_id}/retry")
async def retry(batch_id: str, caller: Writer, given: Given, form: Sent) -> Response:
    """Try again what failed or was cancelled of the batch."""
    await find_batch(given, caller, batch_id)
    tally = await batch_steering.retry(given, caller, batch_id, start_of(form))
    return _told(batch_id, Done.RETRY, counted_in(form), tally)


def _told(batch_id: str, done: Done, counted: int, tally: Tally) -> Response:
    told = {"done": done, "counted": counted, "matched": tally.matched, "changed": tally.changed}
    return RedirectResponse(f"/batches/{batch_id}?{urlencode(told)}", HTTPStatus.SEE_OTHER)
