"""Finds what a batch asks for, and every mistake in it."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, tzinfo
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from api import acceptance
from api.acceptance import Asked
from api.auth import Caller
from api.problems import MOST_ERRORS, FieldError, ProblemError, field_errors, invalid
from api.schemas.batches import MOST_EXPORTS, BatchSubmission
from api.schemas.submission import Submission
from landfall.exports.windows import cut, read_window
from landfall.vendors.account import Account
from landfall.vendors.request import iso_utc

# So many are checked before the event loop has its turn: a few milliseconds of it.
_AT_ONCE = 100
_FOR_WINDOWS = {"begin": "from", "to": "to", "window": "window"}
_RANGE = ("start", "end")


async def check(batch: BatchSubmission, configured: Mapping[str, Account], caller: Caller) -> list[Asked]:
    """Find that all of it can be accepted.

    Raises ProblemError (422) naming every field that is wrong, up to a hundred, by its place in the batch.
    """
    if (batch.exports is None) == (batch.export is None):
        raise invalid([FieldError(detail="give either exports, a list, or export with from, to and window")])
    if batch.export is not None:
        return await _check_windows(batch, batch.export, configured, caller)
    for name, written in (*_FOR_WINDOWS.items(), ("time_zone", "time_zone")):
        if getattr(batch, name) is not None:
            raise invalid([FieldError(pointer=f"/{written}", detail="it goes with export, not with exports")])
    listed = ((f"/exports/{number}", each) for number, each in enumerate(batch.exports or ()))
    found, errors = await _check_all(batch, listed, configured, caller)
    if errors:
        raise invalid(errors)
    return found


async def _check_windows(
    batch: BatchSubmission, export: dict[str, Any], configured: Mapping[str, Account], caller: Caller
) -> list[Asked]:
    request = export.get("request")
    own = [name for name in _RANGE if isinstance(request, dict) and name in request]
    if own:
        detail = "leave it out: from, to and window say it"
        raise invalid([FieldError(pointer=f"/export/request/{name}", detail=detail) for name in own])
    windows = _windows(batch)
    several = (
        ("/export", export | ({"request": request | window} if isinstance(request, dict) else {})) for window in windows
    )
    found, errors = await _check_all(batch, several, configured, caller)
    if errors:
        # What is wrong with one window is wrong with most.
        unlike = {(error.pointer, error.detail): error for error in errors}
        raise invalid(list(unlike.values()))
    return found


async def _check_all(
    batch: BatchSubmission,
    listed: Iterator[tuple[str, Mapping[str, Any]]],
    configured: Mapping[str, Account],
    caller: Caller,
) -> tuple[list[Asked], list[FieldError]]:
    found: list[Asked] = []
    errors: list[FieldError] = []
    while some := list(islice(listed, _AT_ONCE)):
        for place, each in some:
            try:
                found.append(_check_one(batch, each, configured, caller))
            except ProblemError as problem:
                errors += [
                    error.model_copy(update={"pointer": place + (error.pointer or "")}) for error in problem.errors
                ]
        if len(errors) >= MOST_ERRORS:
            break
        await asyncio.sleep(0)
    return found, errors[:MOST_ERRORS]


def _check_one(
    batch: BatchSubmission, each: Mapping[str, Any], configured: Mapping[str, Account], caller: Caller
) -> Asked:
    given = dict(each)
    if batch.priority is not None:
        given.setdefault("priority", batch.priority)
    if batch.labels and isinstance(given.get("labels", {}), dict):
        given["labels"] = {**batch.labels, **given.get("labels", {})}
    try:
        submission = Submission.model_validate(given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise invalid(field_errors(found, model=Submission)) from None
    return acceptance.check(submission, configured, caller)


def _windows(batch: BatchSubmission) -> list[dict[str, str]]:
    missing = [written for name, written in _FOR_WINDOWS.items() if getattr(batch, name) is None]
    if missing:
        raise invalid([FieldError(pointer=f"/{name}", detail="it is required beside export") for name in missing])
    zone = _zone(batch.time_zone)
    begin, end = _moment("from", batch.begin or "", zone), _moment("to", batch.to or "", zone)
    if end <= begin:
        raise invalid([FieldError(pointer="/to", detail="it must be later than from")])
    try:
        window = read_window(batch.window or "")
    except ValueError as error:
        raise invalid([FieldError(pointer="/window", detail=str(error))]) from None
    found = list(islice(cut(begin, end, window, zone), MOST_EXPORTS + 1))
    if len(found) > MOST_EXPORTS:
        detail = f"it makes more than {MOST_EXPORTS} windows; take longer ones or a shorter range"
        raise invalid([FieldError(pointer="/window", detail=detail)])
    return [{"start": iso_utc(first), "end": iso_utc(last)} for first, last in found]


def _zone(name: str | None) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (KeyError, ValueError, OSError):
        raise invalid(
            [FieldError(pointer="/time_zone", detail="there is no such zone; write it as Europe/Berlin")]
        ) from None


def _moment(name: str, text: str, zone: tzinfo) -> datetime:
    is_date = len(text) == len("2026-01-31")
    try:
        moment = datetime.combine(date.fromisoformat(text), time(), zone) if is_date else datetime.fromisoformat(text)
    except ValueError:
        detail = "write it as ISO 8601, for example 2026-01-31 or 2026-01-31T00:00:00Z"
        raise invalid([FieldError(pointer=f"/{name}", detail=detail)]) from None
    if moment.tzinfo is None:
        detail = "a time needs its zone, for example 2026-01-31T00:00:00Z; a date is its midnight in time_zone"
        raise invalid([FieldError(pointer=f"/{name}", detail=detail)])
    try:
        # It is written in UTC, whose years may end before the zone's.
        moment.astimezone(UTC)
        return moment if is_date else moment.astimezone(zone).replace(microsecond=0)
    except OverflowError:
        raise invalid([FieldError(pointer=f"/{name}", detail="it lies outside the years 1 to 9999")]) from None
