"""Asks for many exports at once: those of a file, or one over a range that is cut into windows."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.asking import (
    CallbackUrl,
    Deadline,
    IdempotencyKey,
    Labels,
    Priority,
    Reuse,
    Wait,
    key_header,
    of_all,
    of_each,
    said,
)
from cli.batch_files import read_submissions
from cli.client import Api
from cli.connecting import connect
from cli.failures import RefusedError, WrongInputError
from cli.fields import read_fields
from cli.output import answer
from cli.parsing import AsJson, KeyFile, Url
from cli.waiting_for_batch import follow_batch, tell_end_of_batch

_WHICH = re.compile(r"^exports\.([0-9]+)(?:\.request\.|\.|: )", re.MULTILINE)
_OF_BATCHES = frozenset({"list", "show", "wait", "cancel", "retry"})


def batch(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE.csv|FILE.jsonl|- | FIELD=VALUE...",
            help="A file of exports (-: JSON Lines from standard input); beside --window the fields of all windows.",
        ),
    ],
    *,
    account: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose exports; in a file for those that name none.")
    ] = None,
    begin: Annotated[str | None, typer.Option("--from", metavar="TIME", help="First moment of the range.")] = None,
    to: Annotated[str | None, typer.Option(metavar="TIME", help="End of the range.")] = None,
    window: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Length of a window, ISO 8601: PT6H, P1D, P1W, P1M.")
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Whose calendar days are counted on; default UTC.")
    ] = None,
    label: Labels = None,
    priority: Priority = None,
    deadline: Deadline = None,
    callback_url: CallbackUrl = None,
    reuse: Reuse = False,
    idempotency_key: IdempotencyKey = None,
    wait: Wait = False,
    as_json: AsJson = False,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """Ask for many exports: landfall batch days.csv, or with --account A --from 2026-01-01 --to 2026-02-01 --window P1D.

    What a line of the file says wins over the options. `landfall batches` shows and steers what was asked for.
    """
    cutting = {"from": begin, "to": to, "window": window, "time_zone": time_zone}
    each = of_each(account, deadline, callback_url, reuse=reuse)
    asked, places = _of_windows(words, each, cutting) if any(cutting.values()) else _of_file(words, each)
    body = asked | of_all(label, priority)
    ask(connect(url, key_file), body, places, key=idempotency_key, wait=wait, as_json=as_json)


def of_file(path: str, each: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The body that asks for the exports of a file, and the line that each stands in; `each` is for lines that say less."""
    found = read_submissions(path)
    return {"exports": [dict(each) | submission for _, submission in found]}, [place for place, _ in found]


def ask(api: Api, body: dict[str, Any], places: Sequence[str], *, key: str | None, wait: bool, as_json: bool) -> None:
    """Ask for all exports of the body, and tell of the batch or wait for its end."""
    try:
        reply = api.post("/v1/batches", body, key_header(key))
    except RefusedError as error:
        raise RefusedError(_with_places(str(error), places)) from None
    if not wait:
        answer(reply.text if as_json else _receipt(reply.body))
        return
    last = follow_batch(api, reply.body["id"])
    if as_json:
        answer(last.text)
    tell_end_of_batch(last.body, quiet=as_json)


def _of_file(words: list[str], each: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    if words[0] in _OF_BATCHES and not Path(words[0]).exists():
        raise WrongInputError(f"it asks for exports; `landfall batches {words[0]}` is what looks after a batch.")
    if len(words) != 1 or "=" in words[0]:
        raise WrongInputError("name one file, or give --account, --from, --to and --window with the request's fields.")
    return of_file(words[0], each)


def _of_windows(
    words: list[str], each: dict[str, Any], cutting: dict[str, str | None]
) -> tuple[dict[str, Any], list[str]]:
    missing = [name for name in ("from", "to", "window") if not cutting[name]]
    missing += [] if "account" in each else ["account"]
    if missing:
        raise WrongInputError(f"--{missing[0]} is missing: a range needs --account, --from, --to and --window.")
    return {"export": each | {"request": read_fields(words)}} | said(cutting), []


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
