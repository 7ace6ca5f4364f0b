"""Accepts an export: checks the request against its vendor's schema and writes the row that is the job."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import uuid_utils
from pydantic import ValidationError
from sqlalchemy import Connection

from api.problems import FieldError, field_errors, invalid
from api.schemas.submission import Submission
from landfall.database import accounts, admission, ledger
from landfall.exports.fingerprint import fingerprint
from landfall.exports.job import ExportJob
from landfall.vendors.account import Account
from landfall.vendors.catalog import VENDORS
from landfall.vendors.request import VendorRequest

# As JSON writes the character; behind a backslash that is escaped itself the same letters are plain text.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


@dataclass(frozen=True, slots=True)
class Accepted:
    """The export that answers a submission; `new` is False where one in flight asks for the same."""

    job: ExportJob
    new: bool


def check(submission: Submission, configured: Mapping[str, Account]) -> VendorRequest:
    """The request in its vendor's schema. Raises ProblemError (422) naming every field that is wrong."""
    account = configured.get(submission.account)
    if account is None:
        known = ", ".join(sorted(configured)) or "none"
        detail = f"there is no account {submission.account!r}; known: {known}"
        raise invalid([FieldError(pointer="/account", detail=detail)])
    if _NUL.search(json.dumps([submission.request, submission.labels])):
        raise invalid([FieldError(pointer="/request", detail="text with NUL characters cannot be kept; remove them")])
    try:
        return VENDORS[account.vendor].request.model_validate(submission.request)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise invalid(field_errors(found, below=("body", "request"))) from None


def accept(connection: Connection, submission: Submission, request: VendorRequest, vendor: str) -> Accepted:
    """Write the export and give it a slot if one is free, in the caller's transaction."""
    throttle, now = accounts.lock(connection, submission.account)
    job = _job(submission, request, vendor, now)
    if not submission.force:
        same = ledger.find_in_flight(connection, job.account, job.request_hash)
        if same:
            return Accepted(same, new=False)
    ledger.accept(connection, [job])
    admitted = {each.id: each for each in admission.admit_next(connection, job.account, (throttle, now))}
    return Accepted(admitted.get(job.id, job), new=True)


def _job(submission: Submission, request: VendorRequest, vendor: str, now: datetime) -> ExportJob:
    return ExportJob(
        id=f"exp_{uuid_utils.uuid7().hex}",
        account=submission.account,
        vendor=vendor,
        report_type=request.report_type,
        request=request.resolved(now),
        # As it was asked, not as it was resolved: a default range counts as the default, not as its dates.
        request_hash=fingerprint(request.model_dump(mode="json", exclude_none=True)),
        created_at=now,
        deadline=submission.deadline,
        priority=submission.priority,
        labels=submission.labels,
        tenant=submission.labels.get("tenant", ""),
    )
