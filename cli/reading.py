"""Shows exports and accounts as they stand."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer

from cli.client import Api
from cli.connecting import connect
from cli.fields import write_fields
from cli.moments import as_moment
from cli.output import answer
from cli.parsing import AsJson, Cursor, ExportId, KeyFile, Url
from cli.tables import print_table, tell_of_more
from cli.timeline import event_in_words
from cli.words import aligned, moment, plain, size, span

_SINCE = "Created at or after it, ISO 8601; a date is its midnight UTC."
_UNTIL = "Created before it, written in the same way."
_PAGE = 1000


class State(StrEnum):
    """The states that a list can be narrowed to."""

    QUEUED = "queued"
    STARTING = "starting"
    EXPORTING = "exporting"
    READY = "ready"
    STORED = "stored"
    FAILED = "failed"
    CANCELLED = "cancelled"


def list_exports(
    *,
    state: Annotated[list[State] | None, typer.Option(help="May be given more than once.")] = None,
    account: Annotated[str | None, typer.Option(help="Only this account's.")] = None,
    vendor: Annotated[str | None, typer.Option(help="Only this vendor's.")] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY:VALUE", help="Only those that carry it; of several, all of them."),
    ] = None,
    batch: Annotated[str | None, typer.Option(metavar="ID", help="Only this batch's.")] = None,
    error: Annotated[str | None, typer.Option(metavar="CODE", help="Only those with an error of this code.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help=_SINCE)] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help=_UNTIL)] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many.")] = 50,
    cursor: Cursor = None,
    as_json: AsJson = False,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """List exports, newest first: a table on a terminal, tab-separated lines in a pipe."""
    query = {
        "state": [str(one) for one in state or ()],
        "account": account,
        "vendor": vendor,
        "label": label or [],
        "batch": batch,
        "error": error,
        "since": since and as_moment("since", since).isoformat(),
        "until": until and as_moment("until", until).isoformat(),
        "limit": limit,
        "cursor": cursor,
    }
    reply = connect(url, key_file).get("/v1/exports", query)
    if as_json:
        answer(reply.text)
        return
    header = ("ID", "STATE", "ACCOUNT", "REQUEST", "CREATED", "ROWS", "BYTES")
    print_table(header, [_row(export) for export in reply.body["items"]])
    tell_of_more(reply.body)


def show(export_id: ExportId, *, as_json: AsJson = False, url: Url = None, key_file: KeyFile = None) -> None:
    """Show one export and its timeline."""
    api = connect(url, key_file)
    path = f"/v1/exports/{quote(export_id, safe='')}"
    reply = api.get(path)
    if as_json:
        answer(reply.text)
        return
    export = reply.body
    answer(f"Export {export['id']}")
    answer("\n".join(aligned(_facts(export))))
    answer("\nTimeline")
    for line in aligned((moment(event["at"]), event_in_words(event)) for event in _timeline(api, f"{path}/events")):
        answer(line)


def accounts(*, as_json: AsJson = False, url: Url = None, key_file: KeyFile = None) -> None:
    """List the vendor accounts: their slots, what waits for one, why none is called, and what is stale."""
    reply = connect(url, key_file).get("/v1/accounts")
    if as_json:
        answer(reply.text)
        return
    header = (
        "NAME",
        "VENDOR",
        "SLOTS_USED",
        "LIMIT",
        "MAX_STARTED",
        "QUEUED",
        "BLOCKED_UNTIL",
        "BREAKER",
        "PAUSED_SINCE",
        "PAUSED_BY",
        "STALE",
    )
    print_table(header, [_account_row(account) for account in reply.body["items"]])


def _account_row(account: dict[str, Any]) -> list[object]:
    blocked = account["blocked_until"]
    over = not blocked or datetime.fromisoformat(blocked) <= datetime.now(UTC)
    return [
        *(account[name] for name in ("name", "vendor", "slots_used", "limit", "max_started", "queued")),
        "" if over else moment(blocked),
        _breaker(account["breaker"]),
        moment(account.get("paused_at")),
        account.get("paused_by") or "",
        "; ".join(_stale(each) for each in account.get("freshness", ()) if each["met"] is False),
    ]


def _stale(freshness: dict[str, Any]) -> str:
    age, target = freshness["age_seconds"], span(freshness["target_seconds"])
    stands = "nothing stored yet" if age is None else f"{span(age)} old"
    return f"{freshness['report_type']}: {stands}, target {target}"


def _breaker(breaker: dict[str, Any] | None) -> str:
    if not breaker:
        return ""
    until = f" until {moment(breaker['until'])}" if breaker["until"] else ""
    return f"{breaker['state']}{until}: {breaker['error']['code']}: {breaker['error']['message']}"


def _row(export: dict[str, Any]) -> list[object]:
    found = export["file"] or {"rows": "", "bytes": ""}
    return [
        export["id"],
        export["state"],
        export["account"],
        write_fields(export["request"]),
        moment(export["created_at"]),
        found["rows"],
        found["bytes"],
    ]


def _facts(export: dict[str, Any]) -> list[tuple[str, str]]:
    facts = [
        ("state", export["state"]),
        ("account", f"{export['account']} ({export['vendor']})"),
        ("request", write_fields(export["request"])),
        ("counts", f"attempts {export['attempts']}, polls {export['polls']}, generation {export['generation']}"),
        ("priority", export["priority"]),
        ("labels", " ".join(f"{key}={value}" for key, value in export["labels"].items())),
        ("created", moment(export["created_at"])),
        ("due", moment(export["due_at"])),
        ("finished", moment(export["finished_at"])),
        *_error_facts(export["error"]),
        *_file_facts(export["file"]),
    ]
    return [(name, plain(value)) for name, value in facts if value != ""]


def _error_facts(error: dict[str, Any] | None) -> list[tuple[str, str]]:
    return [("error", f"{error['code']}: {error['message']}"), ("action", error["action"])] if error else []


def _file_facts(found: dict[str, Any] | None) -> list[tuple[str, str]]:
    if not found:
        return []
    rows = "empty: no rows" if found["empty"] else f"{found['rows']} rows"
    return [
        ("file", found["uri"]),
        ("content", f"{rows}, {len(found['columns'])} columns, {size(found['bytes'])}"),
        ("sha256", found["sha256"]),
    ]


def _timeline(api: Api, path: str) -> list[dict[str, Any]]:
    """All events, page by page."""
    events: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = api.get(path, {"limit": _PAGE, "cursor": cursor}).body
        events += page["items"]
        cursor = page["next"]
        if cursor is None:
            return events
