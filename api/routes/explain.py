"""Serves the explanation of why an export stands as it does."""

from functools import partial
from http import HTTPStatus

from fastapi import APIRouter

from api.auth import Reader
from api.finding import find_export
from api.problems import ProblemError
from api.refusals import NO_EXPORT
from api.schemas.explanation import ExplanationView
from api.services import Given
from api.strict_route import StrictRoute
from landfall.database import explaining
from landfall.exports.explaining import explain

router = APIRouter(prefix="/v1/exports", tags=["exports"], route_class=StrictRoute)


@router.get("/{export_id}/explain", responses=NO_EXPORT)
async def explain_export(export_id: str, caller: Reader, given: Given) -> ExplanationView:
    """Why it waits, what it waits for, and what is likely to come, in words and data."""
    job = await find_export(given, caller, export_id)
    known = await given.database.read(partial(explaining.gather, export_id=job.id))
    if known is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no export {export_id!r}")
    return ExplanationView.of(explain(known))
