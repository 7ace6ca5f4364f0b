"""Asks for an export, or for those of a file, and, if told to, waits for the end."""

from typing import Annotated, Any

import typer

from cli import batch
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
from cli.client import Api
from cli.connecting import connect
from cli.failures import WrongInputError
from cli.fields import read_fields, read_request
from cli.output import answer
from cli.parsing import AsJson, KeyFile, Url
from cli.waiting import follow, tell_end
from cli.words import ENDED

_HELD_ALREADY = 200


def submit(
    account: Annotated[
        str | None, typer.Argument(metavar="ACCOUNT", help="The account's name in landfall.toml.")
    ] = None,
    fields: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FIELD=VALUE | FIELD:=JSON]...", help="The request's fields, as the vendor has them."),
    ] = None,
    *,
    request: Annotated[
        str | None, typer.Option(metavar="JSON|@FILE", help="The whole request; fields given beside it win.")
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.csv|FILE.jsonl|-",
            help="Ask for all exports of a file, as `landfall batch` does; ACCOUNT is for lines that name none.",
        ),
    ] = None,
    priority: Priority = None,
    label: Labels = None,
    deadline: Deadline = None,
    callback_url: CallbackUrl = None,
    force: Annotated[bool, typer.Option("--force", help="Even if the same request is in flight.")] = False,
    reuse: Reuse = False,
    idempotency_key: IdempotencyKey = None,
    wait: Wait = False,
    as_json: AsJson = False,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """Ask for an export, for example: landfall submit shop-ab export_type=orders start=2026-01-01 --wait.

    Or for many: landfall submit --file days.csv.
    """
    if file:
        _refuse_beside_file({"FIELD=VALUE": fields, "--request": request, "--force": force})
    elif account is None:
        raise WrongInputError("ACCOUNT is missing; name one, or a file of exports with --file.")
    elif "=" in account:
        raise WrongInputError(f"ACCOUNT is missing before {account!r}; write `landfall submit ACCOUNT {account}`.")
    each, together = of_each(account, deadline, callback_url, reuse=reuse), of_all(label, priority)
    if file:
        asked, places = batch.of_file(file, each)
        api = connect(url, key_file)
        batch.ask(api, asked | together, places, key=idempotency_key, wait=wait, as_json=as_json)
        return
    body = each | together | {"request": read_request(request) | read_fields(fields or ())}
    _ask(connect(url, key_file), body | said({"force": force or None}), idempotency_key, wait=wait, as_json=as_json)


def _ask(api: Api, body: dict[str, Any], key: str | None, *, wait: bool, as_json: bool) -> None:
    reply = api.post("/v1/exports", body, key_header(key))
    if not wait:
        answer(reply.text if as_json else _receipt(reply.body, again=reply.status == _HELD_ALREADY))
        return
    last = follow(api, reply.body["id"])
    if as_json:
        answer(last.text)
    tell_end(last.body, quiet=as_json)


def _refuse_beside_file(given: dict[str, object]) -> None:
    for name, value in given.items():
        if value:
            raise WrongInputError(
                f"{name} does not go with --file: its lines hold the requests; leave one of both out."
            )


def _receipt(export: dict[str, Any], *, again: bool) -> str:
    there = "is there already" if export["state"] in ENDED else "is in flight already"
    words = f"{there} (--force makes another)" if again else "is accepted"
    name = export["id"]
    return f"Export {name} {words}: {export['state']}. Look at it with `landfall show {name}`."
