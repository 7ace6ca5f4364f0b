"""Steers one export from its page: cancel, retry, priority."""

from http import HTTPStatus

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from api import plans
from api.auth import Writer
from api.pages.export import Notice
from api.pages.forms import PageRoute, Sent
from api.pages.steering_form import start_of
from api.problems import FieldError, invalid
from api.services import Given
from api.steering import steer
from landfall.database.steering import prioritizing

_PRIORITIES = range(-1000, 1001)

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.post("/exports/{export_id}/cancel")
async def cancel(export_id: str, caller: Writer, given: Given, _: Sent) -> Response:
    """Cancel it."""
    await steer(given, caller, export_id, plans.cancelling(given, caller).act)
    return _back(export_id, Notice.CANCELLED)


@router.post("/exports/{export_id}/retry")
async def retry(export_id: str, caller: Writer, given: Given, form: Sent) -> Response:
    """Try it again, from the step that it ended in or from the start."""
    await steer(given, caller, export_id, plans.retrying(caller, start_of(form)).act)
    return _back(export_id, Notice.RETRIED)


@router.post("/exports/{export_id}/priority")
async def prioritize(export_id: str, caller: Writer, given: Given, form: Sent) -> Response:
    """Move it in the queue."""
    priority = _priority(form.text("priority"))
    await steer(given, caller, export_id, prioritizing(priority, plans.by(caller)))
    return _back(export_id, Notice.MOVED)


def _priority(text: str) -> int:
    """The priority that was typed. Raises ProblemError (422)."""
    try:
        return _PRIORITIES[_PRIORITIES.index(int(text))]
    except ValueError:
        detail = f"write a whole number from {_PRIORITIES[0]} to {_PRIORITIES[-1]}"
        raise invalid([FieldError(parameter="priority", detail=detail)]) from None


def _back(export_id: str, notice: Notice) -> Response:
    return RedirectResponse(f"/exports/{export_id}?notice={notice}", HTTPStatus.SEE_OTHER)
