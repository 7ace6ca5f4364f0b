"""Cancels or retries all exports that a filter lets through, after it has shown how many they are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from api import plans, steering
from api.auth import Caller, Writer
from api.pages import export_filters
from api.pages.export_filters import Typed, TypedFilter
from api.pages.export_list import Done
from api.pages.forms import Form, PageRoute, Sent
from api.pages.rendering import page
from api.pages.steering_form import counted_in, start_of
from api.pages.words import number
from api.problems import FieldError, ProblemError, invalid
from api.services import Given, Services
from api.steering import Plan
from landfall.database.reading import Filter
from landfall.exports.states import State

_SURE = "yes"
_PAST = {Done.CANCEL: "cancelled", Done.RETRY: "tried again"}
# Which ones are meant where no state is chosen.
_USUAL = {Done.CANCEL: " that have not ended", Done.RETRY: " that have failed"}

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@dataclass(frozen=True, slots=True)
class _Meant:
    """What is to be done: to the exports of a filter that are in these states."""

    plan: Plan
    wanted: Filter
    states: Sequence[State]


@router.get("/exports/cancel")
@router.get("/exports/retry")
async def ask(request: Request, caller: Writer, given: Given, typed: Typed) -> Response:
    """How many it would be, by state, and whether that is meant."""
    done = Done(request.url.path.rpartition("/")[2])
    meant = _meant(given, caller, done, typed)
    if typed.errors:
        return RedirectResponse(f"/exports?{typed.query()}", HTTPStatus.SEE_OTHER)
    found = await steering.count(given, meant.wanted, meant.plan)
    count = sum(each for state, each in found.items() if state in meant.plan.able)
    verb = "Cancel" if done is Done.CANCEL else "Retry"
    return page(
        request,
        "confirm.html",
        title=f"{verb} all that match",
        intro=f"Exports {_which(typed, caller)}{'' if typed.filter.states else _USUAL[done]}.",
        rows=[(state, found[state], state in meant.plan.able) for state in typed.filter.states or meant.plan.usual],
        happens=f"are {_PAST[done]}",
        past=_PAST[done],
        count=count,
        action=f"/exports/{done}",
        hidden=[*typed.pairs(), ("counted", str(count))],
        choose_start=done is Done.RETRY,
        sure="" if typed.texts else f"I mean all exports {_which(typed, caller)}.",
        button=f"{verb} {number(count)} export{'' if count == 1 else 's'}",
        danger=done is Done.CANCEL,
        back=f"/exports?{typed.query()}" if typed.texts else "/exports",
    )


@router.post("/exports/cancel")
@router.post("/exports/retry")
async def carry_out(request: Request, caller: Writer, given: Given, form: Sent) -> Response:
    """Do it, and tell what became of it above the list."""
    done = Done(request.url.path.rpartition("/")[2])
    typed = export_filters.read({name: form.all_of(name) for name in export_filters.NAMES}, caller, datetime.now(UTC))
    if typed.errors:
        raise invalid([FieldError(parameter=name, detail=detail) for name, detail in typed.errors.items()])
    if not typed.texts and form.text("all") != _SURE:
        detail = "no filter is set: tick that you mean all exports, or go back and set one"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
    meant = _meant(given, caller, done, typed, form)
    tally = steering.Tally()
    if meant.states:
        tally = await steering.carry_out(given, replace(meant.wanted, states=meant.states), meant.plan)
    told = {"done": done, "counted": counted_in(form), "matched": tally.matched, "changed": tally.changed}
    # They are in other states now: by those of the filter nobody would see them.
    address = f"/exports?{urlencode([*typed.pairs('state'), *told.items()])}"
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)


def _meant(given: Services, caller: Caller, done: Done, typed: TypedFilter, form: Form | None = None) -> _Meant:
    if done is Done.CANCEL:
        plan = plans.cancelling(given, caller)
    else:
        plan = plans.retrying(caller, start_of(form) if form else "step", usual=[State.FAILED])
    states = [state for state in typed.filter.states or plan.usual if state in plan.able]
    return _Meant(plan, typed.filter, states)


def _which(typed: TypedFilter, caller: Caller) -> str:
    """The filter in words."""
    if typed.texts:
        return f"with {typed.words}"
    return (
        "of all accounts"
        if caller.accounts is None
        else f"of the accounts of your key: {', '.join(sorted(caller.accounts))}"
    )
