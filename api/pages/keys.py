"""Serves the pages of API keys: a list of them, a form that makes one and shows it once, and what revokes one."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from sqlalchemy import Connection

from api import making_keys
from api.auth import Admin, Caller
from api.cookies import take_back
from api.pages.forms import Form, PageRoute, Sent
from api.pages.rendering import page
from api.problems import FieldError, ProblemError, field_errors, invalid
from api.schemas.keys import KeyRequest
from api.services import Given, Services
from landfall.database.clock import read_clock
from landfall.database.keys import MOST_DAYS, NAME, ApiKey, Scope

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@dataclass(frozen=True, slots=True)
class _Typed:
    """What stands in the form for a new key, and what is wrong with which field."""

    name: str = ""
    scope: str = Scope.READ.value
    accounts: list[str] = field(default_factory=list)
    days: str = ""
    errors: dict[str, str] = field(default_factory=dict)


@router.get("/keys")
async def list_keys(request: Request, caller: Admin, given: Given, revoked: str = "") -> Response:
    """The keys, and the form for another."""
    return await _page(request, caller, given, _Typed(), revoked=revoked)


@router.post("/keys")
async def create(request: Request, caller: Admin, given: Given, form: Sent) -> Response:
    """Make a key. This page is the only one that shows it."""
    try:
        key, text = await making_keys.make(given, caller, _read(form))
    except ProblemError as problem:
        errors: dict[str, str] = {}
        for each in problem.errors:
            errors.setdefault((each.pointer or "/").split("/")[1], each.detail)
        typed = _Typed(form.text("name"), form.text("scope"), form.all_of("accounts"), form.text("days"), errors)
        return await _page(request, caller, given, typed, status=problem.status)
    return page(request, "key_made.html", status=HTTPStatus.CREATED, key=key, text=text)


@router.get("/keys/{key_id}/revoke")
async def ask(request: Request, key_id: str, caller: Admin, given: Given) -> Response:
    """Whether it is meant."""
    key = await making_keys.find(given, caller, key_id)
    return page(request, "confirm_key.html", key=key, own=key.id == caller.key_id)


@router.post("/keys/{key_id}/revoke")
async def revoke(request: Request, key_id: str, caller: Admin, given: Given, _form: Sent) -> Response:
    """Revoke it. Whoever revokes the key that they are logged in with is logged out."""
    key = await making_keys.revoke(given, caller, key_id)
    if key.id != caller.key_id:
        return RedirectResponse(f"/keys?revoked={key.id}", HTTPStatus.SEE_OTHER)
    answer = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    take_back(answer, request.scope)
    return answer


async def _page(
    request: Request,
    caller: Caller,
    given: Services,
    typed: _Typed,
    *,
    revoked: str = "",
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    now, found = await given.database.read(partial(_look, caller=caller))
    return page(
        request,
        "keys.html",
        status=status,
        now=now,
        good=[key for key in found if not _has_ended(key, now)],
        ended=[key for key in found if _has_ended(key, now)],
        own=caller.key_id,
        latest=caller.expires_at,
        typed=typed,
        scopes=list(Scope),
        accounts=sorted(filter(caller.sees, given.accounts)),
        limited=caller.accounts is not None,
        revoked=next((key for key in found if key.id == revoked and key.revoked_at), None),
    )


def _has_ended(key: ApiKey, now: datetime) -> bool:
    return key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now)


def _look(connection: Connection, caller: Caller) -> tuple[datetime, list[ApiKey]]:
    return read_clock(connection), making_keys.seen(connection, caller)


def _read(form: Form) -> KeyRequest:
    """The key that the form asks for. Raises ProblemError (422)."""
    if not re.fullmatch(NAME, form.text("name")):
        raise invalid([FieldError(pointer="/name", detail="write a name of 1 to 100 characters, on one line")])
    wanted: dict[str, Any] = {"name": form.text("name"), "scope": form.text("scope")}
    wanted["accounts"] = form.all_of("accounts") or None
    if days := form.text("days"):
        if not (days.isascii() and days.isdecimal() and 1 <= int(days[:9]) <= MOST_DAYS):
            detail = f"write a whole number of days from 1 to {MOST_DAYS}, or leave it empty"
            raise invalid([FieldError(pointer="/expires_in", detail=detail)])
        wanted["expires_in"] = f"P{int(days)}D"
    try:
        return KeyRequest.model_validate(wanted)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise invalid(field_errors(found, model=KeyRequest)) from None
