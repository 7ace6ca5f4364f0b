"""Asks for an export by a form that is made from the schema of the account's vendor."""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from api import acceptance
from api.auth import Caller, Writer
from api.enqueueing import enqueue
from api.pages.export import Notice
from api.pages.forms import Form, PageRoute, Sent
from api.pages.rendering import page
from api.pages.request_form import NotReadable, fields_of, placed, submission_of
from api.problems import FieldError, ProblemError, field_errors, invalid
from api.schemas.submission import Submission
from api.services import Given, Services
from landfall.database.answers import Claim
from landfall.vendors.catalog import VENDORS

_ONCE = re.compile(r"[0-9a-f]{16}")

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The form as it is shown: what was typed, and what is wrong with it; under "" what is wrong with the whole."""

    account: str
    typed: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)


@router.get("/exports/new")
async def ask(request: Request, caller: Writer, given: Given, account: str = "") -> Response:
    """The form, or first the choice of an account."""
    names = list(filter(caller.sees, given.accounts))
    if not account and len(names) == 1:
        account = names[0]
    if not account:
        return page(request, "new_export.html", accounts={name: given.accounts[name].vendor for name in names})
    return _form(request, given, caller, _Sheet(account))


@router.post("/exports/new")
async def submit(request: Request, caller: Writer, given: Given, form: Sent) -> Response:
    """Ask for it, and go on to its page; or show what is wrong."""
    sheet = _Sheet(form.text("account"), typed=form)
    fields = fields_of(VENDORS[_vendor(given, caller, sheet.account)].request)
    try:
        asked = acceptance.check(_submission(submission_of(form, fields)), given.accounts, caller)
    except NotReadable as error:
        return _form(request, given, caller, _Sheet(sheet.account, form, error.errors))
    except ProblemError as problem:
        errors: dict[str, str] = {}
        for each in problem.errors or [FieldError(pointer="", detail=problem.detail)]:
            name, detail = placed(each.pointer or "", each.detail, fields, Submission)
            errors[name] = f"{errors[name]}; {detail}" if name in errors else detail
        return _form(request, given, caller, _Sheet(sheet.account, form, errors))
    try:
        answer = (await enqueue(given, asked, _claim(form, caller))).reply.answer
    except ProblemError as problem:
        if problem.status != HTTPStatus.CONFLICT:
            raise
        # The button was pressed twice: the export is being made, and will stand at the top of the list.
        return RedirectResponse(f"/exports?{urlencode({'account': sheet.account})}", HTTPStatus.SEE_OTHER)
    notice = Notice.NEW if answer.status == HTTPStatus.ACCEPTED else Notice.SAME
    export_id = (answer.location or "").rpartition("/")[2]
    return RedirectResponse(f"/exports/{export_id}?notice={notice}", HTTPStatus.SEE_OTHER)


def _vendor(given: Services, caller: Caller, account: str) -> str:
    """The vendor of an account. Raises ProblemError (404)."""
    if account not in given.accounts or not caller.sees(account):
        raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no account {account!r}; choose another")
    return given.accounts[account].vendor


def _form(request: Request, given: Services, caller: Caller, sheet: _Sheet) -> Response:
    vendor = _vendor(given, caller, sheet.account)
    return page(
        request,
        "new_export.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if sheet.errors else HTTPStatus.OK,
        accounts=None,
        sheet=sheet,
        vendor=vendor,
        about=(VENDORS[vendor].request.__doc__ or "").partition("\n")[0].replace("`", ""),
        fields=fields_of(VENDORS[vendor].request),
        once=secrets.token_hex(8),
        several=sum(map(caller.sees, given.accounts)) > 1,
    )


def _submission(body: dict[str, object]) -> Submission:
    """Raises ProblemError (422)."""
    try:
        return Submission.model_validate(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise invalid(field_errors(found, model=Submission)) from None


def _claim(form: Form, caller: Caller) -> Claim | None:
    """Under what a form is answered once, however often its button is pressed; changed, it is another one."""
    once = form.text("once")
    if not _ONCE.fullmatch(once):
        return None
    sent = json.dumps(sorted((name, value) for name, value in form.items() if name != "form_token"))
    digest = hashlib.sha256(sent.encode()).hexdigest()
    return Claim(caller.key_id, f"form {once} {digest[:16]}", digest)
