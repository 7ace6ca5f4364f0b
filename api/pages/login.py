"""Serves the log-in, where an API key opens the pages, and the log-out."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.auth import Caller, Reader
from api.cookies import hand_out, shown_session, take_back
from api.doorman import Doorman, address_of
from api.pages.forms import PageRoute, Sent, SentByAnybody
from api.pages.rendering import page
from api.problems import ProblemError

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/login")
async def ask(request: Request, wanted: Annotated[str, Query(alias="next")] = "/") -> Response:
    """The log-in."""
    return page(request, "login.html", wanted=_ours(wanted), complaint=None)


@router.post("/login")
async def log_in(request: Request, form: SentByAnybody) -> Response:
    """Begin a session, and go on to what was wanted."""
    wanted, state = _ours(form.text("next") or "/"), request.app.state
    try:
        caller = await _caller(request, form.text("key"))
    except ProblemError as error:
        complaint = error.detail[:1].upper() + error.detail[1:]
        answer = page(request, "login.html", status=error.status, wanted=wanted, complaint=complaint)
        answer.headers.update({name: value for name, value in (error.headers or {}).items() if name == "retry-after"})
        return answer
    # A browser that was logged in already begins anew: nobody keeps a session that somebody else has handed them.
    if before := shown_session(request.scope):
        await state.logins.end(before)
    going_on = RedirectResponse(wanted, HTTPStatus.SEE_OTHER)
    hand_out(going_on, request.scope, await state.logins.begin(caller))
    return going_on


@router.post("/logout")
async def log_out(request: Request, _: Reader, form: Sent) -> Response:  # noqa: ARG001 - its token is what is asked for
    """End the session."""
    if token := shown_session(request.scope):
        await request.app.state.logins.end(token)
    answer = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    take_back(answer, request.scope)
    return answer


async def _caller(request: Request, text: str) -> Caller:
    if not text:
        raise ProblemError(HTTPStatus.UNAUTHORIZED, "paste an API key; `landfall keys create NAME` makes one")
    state = request.app.state
    doorman: Doorman = state.doorman
    caller = await doorman.caller(state.keyring, text, address_of(request.scope))
    doorman.admit(caller)
    return caller


def _ours(address: str) -> str:
    """The address if it is a page of ours, else the first page: a link to the log-in leads nowhere else."""
    # Browsers read a backslash as a slash, and drop control characters.
    plain = address.startswith("/") and not address.startswith("//") and "\\" not in address
    return address if plain and address.isprintable() else "/"
