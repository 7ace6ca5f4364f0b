"""Shows exports as they stand."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from cli.connecting import connect
from cli.fields import write_fields
from cli.listing import All, Listing, pages, tell
from cli.narrowing import OfAccount, Since, Until, label_filter, moment_or_none
from cli.output import answer
from cli.parsing import AsJson, Cursor, ExportId, KeyFile, Url
from cli.tables import Columns
from cli.timeline import event_in_words
from cli.words import aligned, moment, plain
from landfall.exports.states import State
from landfall.sizes import size

_PAGE = 1000
_COLUMNS = Columns(
    ("ID", "STATE", "ACCOUNT", "REQUEST", "CREATED", "ROWS", "BYTES"),
    cut=frozenset({"REQUEST"}),
    spare=("BYTES", "ROWS", "CREATED", "ACCOUNT"),
)


def list_exports(
    *,
    state: Annotated[
        list[State] | None,
        typer.Option(metavar="STATE", help=f"One of {', '.join(State)}; may be given more than once."),
    ] = None,
    account: OfAccount = None,
    vendor: Annotated[str | None, typer.Option(metavar="NAME", help="Only this vendor's.")] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Only those that carry it; of several, all of them."),
    ] = None,
    batch: Annotated[str | None, typer.Option(metavar="ID", help="Only this batch's.")] = None,
    error: Annotated[str | None, typer.Option(metavar="CODE", help="Only those with an error of this code.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=200, help="At most so many.")] = 50,
    cursor: Cursor = None,
    everything: All = False,
    as_json: AsJson = False,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """List exports, newest first: a table on a terminal, tab-separated lines in a pipe."""
    query = {
        "state": [str(one) for one in state or ()],
        "account": account,
        "vendor": vendor,
        "label": [label_filter(word) for word in label or ()],
        "batch": batch,
        "error": error,
        "since": moment_or_none("--since", since),
        "until": moment_or_none("--until", until),
        "limit": limit,
        "cursor": cursor,
    }
    tell(_EXPORTS, connect(url, key_file), query, everything=everything, as_json=as_json)


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
    events = [event for page in pages(api, f"{path}/events", {"limit": _PAGE}) for event in page.body["items"]]
    for line in aligned((moment(event["at"]), event_in_words(event)) for event in events):
        answer(line)


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


_EXPORTS = Listing("/v1/exports", _COLUMNS, _row, none="There are no such exports; `landfall submit` asks for one.")
