"""Asks for many exports at once: those of a file, or one over a range that is cut into windows."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from cli.batch_files import read_submissions
from cli.connecting import connect
from cli.failures import RefusedError, WrongInputError
from cli.fields import read_fields, read_labels
from cli.output import answer
from cli.parsing import AsJson, KeyFile, Url
from cli.submit import CallbackUrl, Deadline, IdempotencyKey, Reuse, key_header
from cli.waiting_for_batch import follow_batch, tell_end_of_batch

_WHICH = re.compile(r"^exports\.([0-9]+)(?:\.request\.|\.|: )", re.MULTILINE)


def batch(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE.jsonl|FILE.csv|- | FIELD=VALUE...",
            help="A file of exports (-: JSON Lines from standard input); beside --window the fields of all windows.",
        ),
    ],
    *,
    account: Annotated[str | None, typer.Option(help="Whose exports; in a file for those that name none.")] = None,
    begin: Annotated[str | None, typer.Option("--from", metavar="TIME", help="First moment of the range.")] = None,
    to: Annotated[str | None, typer.Option(metavar="TIME", help="End of the range.")] = None,
    window: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Length of a window, ISO 8601: PT6H, P1D, P1W, P1M.")
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Whose calendar days are counted on; default UTC.")
    ] = None,
    label: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="May be given more than once.")] = None,
    priority: Annotated[int | None, typer.Option(help="For exports that name none; higher goes first.")] = None,
    deadline: Deadline = None,
    callback_url: CallbackUrl = None,
    reuse: Reuse = False,
    idempotency_key: IdempotencyKey = None,
    wait: Annotated[bool, typer.Option("--wait", help="Show the progress until every export has ended.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """Ask for many exports: landfall batch days.csv, or with --account A --from 2026-01-01 --to 2026-02-01 --window P1D."""
    cutting = {"from": begin, "to": to, "window": window, "time_zone": time_zone}
    each = _given(
        {
            "account": account,
            "deadline": deadline,
            "callback_url": callback_url,
            "reuse": "stored" if reuse else None,
        }
    )
    asked, places = _of_windows(words, each, cutting) if any(cutting.values()) else _of_file(words, each)
    body = asked | _given({"labels": read_labels(label or ()) or None, "priority": priority})
    api = connect(url, key_file)
    try:
        reply = api.post("/v1/batches", body, key_header(idempotency_key))
    except RefusedError as error:
        raise RefusedError(_with_places(str(error), places)) from None
    if not wait:
        answer(reply.text if as_json else _receipt(reply.body))
        return
    last = follow_batch(api, reply.body["id"])
    if as_json:
        answer(last.text)
    tell_end_of_batch(last.body, quiet=as_json)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _of_file(words: list[str], each: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    if len(words) != 1 or "=" in words[0]:
        raise WrongInputError("name one file, or give --account, --from, --to and --window with the request's fields.")
    found = read_submissions(words[0])
    return {"exports": [each | submission for _, submission in found]}, [place for place, _ in found]


def _of_windows(
    words: list[str], each: dict[str, Any], cutting: dict[str, str | None]
) -> tuple[dict[str, Any], list[str]]:
    missing = [name for name in ("from", "to", "window") if not cutting[name]]
    missing += [] if "account" in each else ["account"]
    if missing:
        raise WrongInputError(f"--{missing[0]} is missing: a range needs --account, --from, --to and --window.")
    return {"export": each | {"request": read_fields(words)}} | _given(cutting), []


def _with_places(text: str, places: Sequence[str]) -> str:
    """What the API says of the n-th export, said of the line of the file that it stands in."""

    def place(found: re.Match[str]) -> str:
        number = int(found[1])
        return f"{places[number]}: " if number < len(places) else found[0]

    return _WHICH.sub(place, text)


def _receipt(made: dict[str, Any]) -> str:
    total, requested = made["exports"]["total"], made["requested"]
    less = "" if total == requested else f" for {requested} requests, some of which ask for the same"
    exports = f"{total} export{'s' * (total != 1)}"
    return f"Batch {made['id']} is accepted: {exports}{less}. `landfall batches show {made['id']}` tells how it stands."
