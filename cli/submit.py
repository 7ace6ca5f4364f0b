"""Asks for an export and, if told to, waits for its end."""

import re
from typing import Annotated, Any

import typer

from cli.connecting import connect
from cli.failures import WrongInputError
from cli.fields import read_fields, read_labels, read_request
from cli.output import answer
from cli.parsing import AsJson, KeyFile, Url
from cli.waiting import follow, tell_end
from cli.words import ENDED

_HELD_ALREADY = 200
_KEY = re.compile(r"[\x20-\x7e]{1,255}")

Deadline = Annotated[
    str | None,
    typer.Option(metavar="DURATION", help="How long the vendor may take, ISO 8601; default PT12H."),
]
CallbackUrl = Annotated[
    str | None, typer.Option(metavar="URL", help="Is told when the export ends; needs callback_secret in the settings.")
]
Reuse = Annotated[
    bool, typer.Option("--reuse", help="Be content with a stored export of the same request, if its range was over.")
]
IdempotencyKey = Annotated[
    str | None,
    typer.Option(
        metavar="KEY", help="Your own name for this request: sent again under it within a day, it does nothing."
    ),
]


def key_header(key: str | None) -> dict[str, str]:
    """The header that names the request, if it has a name. Raises WrongInputError for one that cannot be sent."""
    if key is None:
        return {}
    if not _KEY.fullmatch(key):
        raise WrongInputError("idempotency-key: write it as 1 to 255 printable ASCII characters.")
    return {"Idempotency-Key": key}


def submit(
    account: Annotated[str, typer.Argument(help="The account's name in landfall.toml.")],
    fields: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FIELD=VALUE | FIELD:=JSON]...", help="The request's fields, as the vendor has them."),
    ] = None,
    *,
    request: Annotated[
        str | None, typer.Option(metavar="JSON|@FILE", help="The whole request; fields given beside it win.")
    ] = None,
    priority: Annotated[int | None, typer.Option(help="Higher goes first; default 0.")] = None,
    label: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="May be given more than once.")] = None,
    deadline: Deadline = None,
    callback_url: CallbackUrl = None,
    force: Annotated[bool, typer.Option("--force", help="Even if the same request is in flight.")] = False,
    reuse: Reuse = False,
    idempotency_key: IdempotencyKey = None,
    wait: Annotated[bool, typer.Option("--wait", help="Show the progress until the export has ended.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """Ask for an export, for example: landfall submit shop-ab export_type=orders start=2026-01-01 --wait."""
    body: dict[str, Any] = {"account": account, "request": read_request(request) | read_fields(fields or ())}
    optional = {
        "priority": priority,
        "labels": read_labels(label or ()) or None,
        "deadline": deadline,
        "callback_url": callback_url,
        "force": force or None,
        "reuse": "stored" if reuse else None,
    }
    body |= {name: value for name, value in optional.items() if value is not None}
    api = connect(url, key_file)
    reply = api.post("/v1/exports", body, key_header(idempotency_key))
    if not wait:
        answer(reply.text if as_json else _receipt(reply.body, again=reply.status == _HELD_ALREADY))
        return
    last = follow(api, reply.body["id"])
    if as_json:
        answer(last.text)
    tell_end(last.body, quiet=as_json)


def _receipt(export: dict[str, Any], *, again: bool) -> str:
    there = "is there already" if export["state"] in ENDED else "is in flight already"
    words = f"{there} (--force makes another)" if again else "is accepted"
    name = export["id"]
    return f"Export {name} {words}: {export['state']}. Look at it with `landfall show {name}`."
