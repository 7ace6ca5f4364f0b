"""Accepts exports: checks requests against their vendors' schemas and writes the rows that are the jobs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import uuid_utils
from pydantic import ValidationError
from sqlalchemy import Connection

from api.auth import Caller
from api.problems import FieldError, field_errors, invalid
from api.schemas.submission import Submission
from landfall.database import accounts, admission, ledger, same_requests
from landfall.exports.fingerprint import fingerprint
from landfall.exports.job import ExportJob
from landfall.vendors.account import Account
from landfall.vendors.catalog import VENDORS
from landfall.vendors.request import VendorRequest


@dataclass(frozen=True, slots=True)
class Asked:
    """A submission that can be accepted. `request_hash` is of what was asked: a default range is no dates yet."""

    submission: Submission
    request: VendorRequest
    vendor: str
    request_hash: str
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The export that answers a submission; `new` is False where it was there already."""

    job: ExportJob
    new: bool


def check(submission: Submission, configured: Mapping[str, Account], caller: Caller) -> Asked:
    """Find that it can be accepted. Raises ProblemError (422) naming every field that is wrong."""
    account = configured.get(submission.account)
    if account is None or not caller.sees(submission.account):
        detail = caller.no_account(submission.account, configured)
        raise invalid([FieldError(pointer="/account", detail=detail)])
    if submission.force and submission.reuse:
        raise invalid(
            [FieldError(pointer="/reuse", detail="force wants another export, reuse does not; leave out one")]
        )
    schema = VENDORS[account.vendor].request
    try:
        request = schema.model_validate(submission.request)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise invalid(field_errors(found, below=("body", "request"), model=schema)) from None
    asked = fingerprint(request.model_dump(mode="json", exclude_none=True))
    return Asked(submission, request, account.vendor, asked)


def accept(connection: Connection, every: Sequence[Asked]) -> list[Accepted]:
    """Answer each with an export, and fill the slots that are free, in the caller's transaction."""
    accepted: dict[int, Accepted] = {}
    locked = {}
    # In one order, lest two transactions wait for each other.
    for account, group in groupby(sorted(enumerate(every), key=_account_of), key=_account_of):
        locked[account] = accounts.lock(connection, account)
        accepted |= _accept_of(connection, account, list(group), locked[account][1])
    started: dict[str, ExportJob] = {}
    for account, throttle in locked.items():
        started |= {job.id: job for job in admission.admit_next(connection, account, throttle)}
    return [Accepted(started.get(one.job.id, one.job), one.new) for _, one in sorted(accepted.items())]


def _account_of(numbered: tuple[int, Asked]) -> str:
    return numbered[1].submission.account


def _accept_of(
    connection: Connection, account: str, group: Sequence[tuple[int, Asked]], now: datetime
) -> Iterator[tuple[int, Accepted]]:
    same = _there_already(connection, account, [asked for _, asked in group], now)
    made: list[ExportJob] = []
    for number, asked in group:
        found = None if asked.submission.force else same.get(asked.request_hash)
        if found is None:
            found = _job(asked, now)
            made.append(found)
            same[asked.request_hash] = found
            yield number, Accepted(found, new=True)
        else:
            yield number, Accepted(found, new=False)
    if made:
        ledger.accept(connection, made)


def _there_already(connection: Connection, account: str, group: Sequence[Asked], now: datetime) -> dict[str, ExportJob]:
    """What answers one of the requests without a new export, by its hash: one in flight, else one to be reused."""
    sought = {each.request_hash for each in group if not each.submission.force}
    found = same_requests.in_flight(connection, account, sought)
    reusing = {each.request_hash: each for each in group if each.submission.reuse and each.request_hash not in found}
    for asked, job in same_requests.stored(connection, account, reusing).items():
        if _serves(job, reusing[asked].request.resolved(now)):
            found[asked] = job
    return found


def _serves(job: ExportJob, resolved: Mapping[str, object]) -> bool:
    """Whether a stored export is what a new one would be: of the same range, which was over when it was made."""
    end = resolved.get("end")
    return job.request == resolved and isinstance(end, str) and datetime.fromisoformat(end) <= job.created_at


def _job(asked: Asked, now: datetime) -> ExportJob:
    submission = asked.submission
    return ExportJob(
        id=f"exp_{uuid_utils.uuid7().hex}",
        account=submission.account,
        vendor=asked.vendor,
        report_type=asked.request.report_type,
        request=asked.request.resolved(now),
        request_hash=asked.request_hash,
        created_at=now,
        deadline=submission.deadline,
        priority=submission.priority,
        labels=submission.labels,
        tenant=submission.labels.get("tenant", ""),
        callback_url=submission.callback_url,
        traceparent=asked.traceparent,
    )
