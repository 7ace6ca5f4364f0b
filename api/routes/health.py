"""Serves /healthz and /readyz."""

from http import HTTPStatus

from fastapi import APIRouter

from api.problems import Problem, ProblemError
from api.services import Given
from landfall.database.revision import require_head
from landfall.settings import SettingsError

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process lives."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"model": Problem, "description": "What is missing."}})
async def readyz(given: Given) -> dict[str, str]:
    """Exports can be accepted: the database answers and has the schema of this release."""
    try:
        await require_head(given.database)
    except SettingsError as error:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from None
    return {"status": "ready"}
