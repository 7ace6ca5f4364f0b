"""Serves /v1/batches."""

from functools import partial
from http import HTTPStatus
from typing import Annotated

import uuid_utils
from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from api import acceptance, batch_requests
from api.acceptance import Asked
from api.answers import IN_PROGRESS, Once, answer_once
from api.auth import Reader, Writer
from api.callbacks import check_callbacks
from api.cursors import filters_text
from api.finding import find_batch
from api.refusals import INVALID, NO_BATCH
from api.request_span import tell_of_many
from api.schemas.batches import BatchPage, BatchSubmission, BatchView
from api.services import Given
from api.strict_route import StrictRoute
from landfall import failpoints
from landfall.database import batches
from landfall.database.answers import Answer
from landfall.exports.job import ExportJob

_LIST = filters_text("batches", {})

router = APIRouter(prefix="/v1/batches", tags=["batches"], route_class=StrictRoute)


@router.post(
    "",
    status_code=HTTPStatus.ACCEPTED,
    response_model=BatchView,
    responses={202: {"description": "Accepted; `Location` is where to look."}, **IN_PROGRESS, **INVALID},
)
async def submit_batch(batch: BatchSubmission, caller: Writer, claim: Once, given: Given) -> Response:
    """Ask for many exports: all of them, or none where anything is wrong with one."""
    asked = await batch_requests.check(batch, given.accounts, caller)
    placed = (("/export" if batch.export else f"/exports/{number}", each) for number, each in enumerate(asked))
    check_callbacks(placed, given.webhooks)
    members: list[ExportJob] = []
    reply = await answer_once(given, claim, partial(_make, asked=asked, labels=batch.labels, members=members))
    tell_of_many(members)
    failpoints.reach("batch.committed", (reply.answer.location or "").rpartition("/")[2])
    if not reply.replayed:
        given.wake_a_worker()
    return reply.response()


@router.get("", response_model=BatchPage, responses=INVALID)
async def list_batches(
    caller: Reader,
    given: Given,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(description="The `next` of the page before.")] = None,
) -> Response:
    """List batches, newest first."""
    after = given.cursors.read(cursor, _LIST) if cursor else None
    found = await given.database.read(
        lambda connection: batches.page(connection, after, limit + 1, within=caller.accounts)
    )
    listed, more = given.cursors.cut(found, limit, _LIST)
    page = BatchPage.model_construct(items=[BatchView.of(batch) for batch in listed], next=more)
    return Response(page.model_dump_json(), media_type="application/json")


@router.get("/{batch_id}", response_model=BatchView, responses=NO_BATCH)
async def show_batch(batch_id: str, caller: Reader, given: Given) -> Response:
    """How a batch stands."""
    batch = await find_batch(given, caller, batch_id)
    return Response(BatchView.of(batch).model_dump_json(), media_type="application/json")


def _make(connection: Connection, asked: list[Asked], labels: dict[str, str], members: list[ExportJob]) -> Answer:
    batch_id = f"bat_{uuid_utils.uuid7().hex}"
    accepted = acceptance.accept(connection, asked)
    members[:] = [each.job for each in accepted]
    batches.create(connection, batch_id, [(each.job, each.new) for each in accepted], labels)
    made = batches.find(connection, batch_id)
    if made is None:
        raise RuntimeError("a batch is not where it was written")
    return Answer(HTTPStatus.ACCEPTED, BatchView.of(made).model_dump_json(), f"/v1/batches/{batch_id}")
