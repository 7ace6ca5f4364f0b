"""Serves /v1/exports."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from api import acceptance
from api.answers import IN_PROGRESS, IdempotencyKey, claim_of
from api.auth import Reader, Writer
from api.callbacks import check_callbacks
from api.cursors import filters_text
from api.enqueueing import enqueue
from api.finding import find_export
from api.list_filter import Wanted
from api.refusals import INVALID, NO_EXPORT
from api.schemas.exports import ExportPage, ExportView
from api.schemas.submission import Submission
from api.services import Given, services_of
from api.strict_route import StrictRoute
from landfall.database import reading

router = APIRouter(prefix="/v1/exports", tags=["exports"], route_class=StrictRoute)


@router.post(
    "",
    status_code=HTTPStatus.ACCEPTED,
    response_model=ExportView,
    responses={
        200: {"model": ExportView, "description": "The same request is in flight, or stored and reused: that export."},
        202: {"description": "Accepted; `Location` is where to look."},
        **IN_PROGRESS,
        **INVALID,
    },
)
async def submit(
    submission: Submission, caller: Writer, request: Request, idempotency_key: IdempotencyKey = None
) -> Response:
    """Ask for an export."""
    # Not as dependencies: FastAPI takes longer to see to each than all of this takes.
    claim, given = await claim_of(request, caller, idempotency_key), services_of(request)
    asked = acceptance.check(submission, given.accounts, caller)
    check_callbacks([("", asked)], given.webhooks)
    return (await enqueue(given, asked, claim)).reply.response()


@router.get("", response_model=ExportPage, responses=INVALID)
async def list_exports(
    wanted: Wanted,
    given: Given,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(description="The `next` of the page before.")] = None,
) -> Response:
    """List exports, newest first."""
    given_filters = filters_text("exports", asdict(wanted))
    after = given.cursors.read(cursor, given_filters) if cursor else None
    jobs = await given.database.read(lambda connection: reading.page(connection, wanted, after, limit + 1))
    listed, more = given.cursors.cut(jobs, limit, given_filters)
    return _json(ExportPage.model_construct(items=[ExportView.of(job) for job in listed], next=more))


@router.get("/{export_id}", response_model=ExportView, responses=NO_EXPORT)
async def show(export_id: str, caller: Reader, given: Given) -> Response:
    """One export."""
    return _json(ExportView.of(await find_export(given, caller, export_id)))


def _json(view: BaseModel, status: HTTPStatus = HTTPStatus.OK, **headers: str) -> Response:
    return Response(view.model_dump_json(), status, headers=headers, media_type="application/json")
