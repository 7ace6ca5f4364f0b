"""Writes what asks for exports: one, a list of them, one over windows of time."""

import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from landfall_client.asking import request
from landfall_client.effects import Request

Moment = datetime | date | str

_REUSE: Mapping[Any, str | None] = {True: "stored", False: None}
_KEY = re.compile(r"[\x20-\x7e]{1,255}")


def export_body(
    account: str,
    asked: Mapping[str, Any] | None,
    fields: Mapping[str, Any],
    *,
    priority: int | None = None,
    labels: Mapping[str, str] | None = None,
    deadline: timedelta | str | None = None,
    callback_url: str | None = None,
    force: bool = False,
    reuse: bool = False,
) -> dict[str, Any]:
    """The body for one export; `fields` win over those of `asked`."""
    optional = {
        "priority": priority,
        "labels": dict(labels) if labels else None,
        "deadline": duration(deadline),
        "callback_url": callback_url,
        "force": force or None,
        "reuse": _REUSE[reuse],
    }
    return {"account": account, "request": {**(asked or {}), **fields}} | given(optional)


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def duration(span: timedelta | str | None) -> str | None:
    """A span of time as ISO 8601 has it."""
    if not isinstance(span, timedelta):
        return span
    for unit, form in ((timedelta(days=1), "P{}D"), (timedelta(hours=1), "PT{}H")):
        if not span % unit:
            return form.format(span // unit)
    return f"PT{span.total_seconds():f}S"


def submission(body: Mapping[str, Any], key: str | None) -> Request:
    """The request for one export. Raises ValueError for a key that cannot be sent."""
    return request("POST", "/v1/exports", body=body, headers=_named(key))


def batch_submission(body: Mapping[str, Any], key: str | None) -> Request:
    """The request for many. Raises as `submission` does."""
    return request("POST", "/v1/batches", body=body, headers=_named(key))


def listed(
    exports: Iterable[Mapping[str, Any]], labels: Mapping[str, str] | None, priority: int | None
) -> dict[str, Any]:
    """The body for a list of exports."""
    return {"exports": [_entry(each) for each in exports]} | given(
        {"labels": dict(labels) if labels else None, "priority": priority}
    )


def _entry(each: Mapping[str, Any]) -> dict[str, Any]:
    """One of the list, with what `submit` takes put into the API's words; these may stand there already."""
    words = {"deadline": duration(each.get("deadline")), "reuse": _REUSE.get(each.get("reuse"), each.get("reuse"))}
    return {**each, **{name: word for name, word in words.items() if name in each}}


def windows(
    each: Mapping[str, Any],
    *,
    begin: Moment,
    end: Moment,
    window: timedelta | str,
    time_zone: str | None,
    labels: Mapping[str, str] | None,
    priority: int | None,
) -> dict[str, Any]:
    """The body for one export over windows of time."""
    optional = {"time_zone": time_zone, "labels": dict(labels) if labels else None, "priority": priority}
    return {"export": each, "from": begin, "to": end, "window": duration(window)} | given(optional)


def _named(key: str | None) -> dict[str, str]:
    """A name for the request, so that one that is sent again does nothing again."""
    if key is not None and not _KEY.fullmatch(key):
        raise ValueError("idempotency_key: write it as 1 to 255 printable ASCII characters.")
    return {"Idempotency-Key": key or f"landfall-client-{uuid.uuid4()}"}
