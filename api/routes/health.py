"""Serves /healthz and /readyz."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from api.readiness import Readying
from api.schemas.health import Liveness, Readiness
from api.strict_route import StrictRoute

router = APIRouter(tags=["health"], route_class=StrictRoute)


# Many a load balancer asks by HEAD.
@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
async def healthz() -> Liveness:
    """The process lives."""
    return Liveness()


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", responses={503: {"model": Readiness, "description": "No export is accepted."}})
async def readyz(request: Request, response: Response) -> Readiness:
    """What an export needs, and what of it is missing."""
    readying: Readying = request.app.state.readying
    found = await readying.get()
    if found.status == "unavailable":
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return found
