"""Holds what both clients do, as procedures: lists over all pages, live events, the file of an export."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from landfall_client.asking import ask, export_path, query_string, request
from landfall_client.downloading import Wanted
from landfall_client.effects import Flow, Give
from landfall_client.errors import FileGone, NotStored
from landfall_client.event_stream import ServerEvent, listen
from landfall_client.facts import Event, ExportFacts
from landfall_client.place import Place
from landfall_client.reading import event_of
from landfall_client.submitting import Moment

_PAGE = 200


def pages(place: Place, path: str, query: Mapping[str, Any], most: int | None) -> Flow[None]:
    """Give the items of a list, page by page, `most` of them."""
    asked, given = {"limit": _PAGE, **query}, 0
    while True:
        page = (yield from ask(place, request("GET", path, asked))).body
        items = page["items"] if most is None else page["items"][: most - given]
        given += len(items)
        yield Give(items)
        if page["next"] is None or given == most:
            return
        asked["cursor"] = page["next"]


def export_query(
    *,
    state: str | Sequence[str] | None = None,
    account: str | None = None,
    vendor: str | None = None,
    labels: Mapping[str, str] | None = None,
    batch: str | None = None,
    error: str | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
) -> dict[str, Any]:
    """The filters of a list of exports."""
    return {
        "state": _several(state or ()),
        "account": account,
        "vendor": vendor,
        "label": [f"{key}:{value}" for key, value in (labels or {}).items()],
        "batch": batch,
        "error": error,
        "since": _moment("since", since),
        "until": _moment("until", until),
    }


def events_of(place: Place, export_id: str) -> Flow[None]:
    """Give the events of an export from its first, as they happen, until it has ended."""
    yield from listen(place, f"{export_path(export_id)}/events", _shaped)


def all_events(place: Place, accounts: Sequence[str], states: Sequence[str]) -> Flow[None]:
    """Give what happens to all exports from now on, for ever."""
    path = "/v1/events" + query_string({"account": _several(accounts), "state": _several(states)})
    yield from listen(place, path, _shaped)


def wanted(place: Place, export: ExportFacts) -> Wanted:
    """The file of a stored export. Raises ExportFailed, NotStored or FileGone where it has none."""
    export.check()
    if not export.ended:
        raise NotStored(f"export {export.id} is {export.state}; its file is there once it is stored: wait() for it.")
    if export.file is None:
        raise NotStored(f"export {export.id} has no file; look at it with `landfall show`.")
    if export.file.removed_at:
        when = f"{export.file.removed_at:%Y-%m-%d %H:%M:%SZ}"
        detail = f"the file of export {export.id} was removed by retention on {when}; submit the export again."
        raise FileGone(410, {"code": "gone", "detail": detail})
    return Wanted(place, export.id, export.file)


def _shaped(event: ServerEvent) -> Sequence[Event] | None:
    if event.name == "end":
        return None
    return [event_of(json.loads(event.data))] if event.name == "message" else ()


def _several(words: str | Sequence[str]) -> list[str]:
    """A list, also where a single word was given."""
    return [words] if isinstance(words, str) else list(words)


def _moment(name: str, moment: Moment | None) -> str | None:
    """The moment as the API reads it; a date is its midnight UTC. Raises ValueError for one without a zone."""
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise ValueError(f"{name}: {moment.isoformat()} has no time zone; give it one, for example datetime.UTC.")
        return moment.isoformat()
    if isinstance(moment, date):
        return datetime.combine(moment, time(), UTC).isoformat()
    if moment and len(moment) == len("2026-01-31"):
        return f"{moment}T00:00:00Z"
    return moment
