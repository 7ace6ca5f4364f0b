"""Shows batches as they stand, waits for one again, and cancels or retries one as a whole."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from cli.connecting import connect
from cli.listing import All, Listing, tell
from cli.many import steer_whole
from cli.output import answer
from cli.parsing import AsJson, Cursor, KeyFile, Url, group
from cli.steering import From, RetryFrom
from cli.tables import Columns
from cli.waiting_for_batch import counted, follow_batch, tell_end_of_batch
from cli.words import ENDED, aligned, moment, plain

_MOST = 100


def _some_id(text: str) -> str:
    if not text.strip():
        raise typer.BadParameter("it is empty; `landfall batches list` shows the ids")
    return text


BatchId = Annotated[str, typer.Argument(metavar="ID", help="The batch's id, bat_….", callback=_some_id)]


def list_batches(
    *,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=_MOST, help="At most so many.")] = 20,
    cursor: Cursor = None,
    everything: All = False,
    as_json: AsJson = False,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """List batches, newest first."""
    query = {"limit": limit, "cursor": cursor}
    tell(_BATCHES, connect(url, key_file), query, everything=everything, as_json=as_json)


def show(batch_id: BatchId, *, as_json: AsJson = False, url: Url = None, key_file: KeyFile = None) -> None:
    """Show one batch: its exports by state, and why the first of them failed."""
    reply = connect(url, key_file).get(_path(batch_id))
    if as_json:
        answer(reply.text)
        return
    batch = reply.body
    answer(f"Batch {batch['id']}")
    answer("\n".join(aligned(_facts(batch))))
    if batch["failures"]:
        answer("\nFailures")
        for line in aligned(
            (each["export"], plain(f"{each['code']}: {each['message']}")) for each in batch["failures"]
        ):
            answer(line)
    more = batch["exports"]["by_state"].get("failed", 0) - len(batch["failures"])
    if more > 0:
        answer(f"and {more} more: `landfall list --batch {batch['id']} --state failed` lists all.")


def wait(batch_id: BatchId, *, as_json: AsJson = False, url: Url = None, key_file: KeyFile = None) -> None:
    """Show the progress until every export has ended. The exit code is 3 unless all are stored; Ctrl-C leaves them going."""
    api = connect(url, key_file)
    api.get(_path(batch_id))  # what is wrong from the beginning is told at once, what breaks later is waited for
    last = follow_batch(api, batch_id)
    if as_json:
        answer(last.text)
    tell_end_of_batch(last.body, quiet=as_json)


def cancel(batch_id: BatchId, *, as_json: AsJson = False, url: Url = None, key_file: KeyFile = None) -> None:
    """Cancel the exports of a batch that have not ended. Those that it only joined go on."""
    steer_whole(connect(url, key_file), f"{_path(batch_id)}/cancel", "cancel", {}, as_json=as_json)


def retry(
    batch_id: BatchId,
    *,
    from_: RetryFrom = From.STEP,
    as_json: AsJson = False,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """Try the exports of a batch again that failed or were cancelled."""
    body = {"from": from_.value}
    steer_whole(connect(url, key_file), f"{_path(batch_id)}/retry", "retry", body, as_json=as_json)


def _path(batch_id: str) -> str:
    return f"/v1/batches/{quote(batch_id, safe='')}"


def _row(batch: dict[str, Any]) -> list[object]:
    return [
        batch["id"],
        moment(batch["created_at"]),
        moment(batch["finished_at"]),
        _percent(batch),
        batch["exports"]["total"],
        counted(batch),
        _labels(batch),
    ]


def _facts(batch: dict[str, Any]) -> list[tuple[str, str]]:
    total, requested = batch["exports"]["total"], batch["requested"]
    facts = [
        ("progress", _percent(batch)),
        ("exports", f"{total}: {counted(batch)}"),
        ("requested", "" if requested == total else f"{requested}, some of which ask for the same"),
        ("labels", _labels(batch)),
        ("created", moment(batch["created_at"])),
        ("finished", moment(batch["finished_at"])),
    ]
    return [(name, plain(value)) for name, value in facts if value]


def _percent(batch: dict[str, Any]) -> str:
    # Counted anew and rounded down: 100 % is when the last one has ended.
    ended = sum(amount for state, amount in batch["exports"]["by_state"].items() if state in ENDED)
    return f"{100 * ended // (batch['exports']['total'] or 1)} %"


def _labels(batch: dict[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in batch["labels"].items())


_BATCHES = Listing(
    "/v1/batches",
    Columns(
        ("ID", "CREATED", "FINISHED", "PROGRESS", "EXPORTS", "STATES", "LABELS"),
        cut=frozenset({"LABELS"}),
        spare=("FINISHED", "LABELS", "CREATED"),
    ),
    _row,
    none="There are no batches; `landfall batch` asks for one.",
    most=_MOST,
)

batches = group(
    {"list": list_batches, "show": show, "wait": wait, "cancel": cancel, "retry": retry},
    about="Show, await, cancel and retry batches; `landfall batch` makes one.",
)
