"""Asks for an export and, if told to, waits for its end."""

from typing import Annotated, Any

import typer

from cli.address import api_url
from cli.client import Api
from cli.fields import read_fields, read_labels, read_request
from cli.output import answer
from cli.parsing import AsJson, Url
from cli.waiting import follow, tell_end

_HELD_ALREADY = 200


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
    deadline: Annotated[
        str | None, typer.Option(metavar="DURATION", help="How long the vendor may take, ISO 8601; default PT12H.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Even if the same request is in flight.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Show the progress until the export has ended.")] = False,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Ask for an export, for example: landfall submit shop-ab export_type=orders start=2026-01-01 --wait."""
    body: dict[str, Any] = {"account": account, "request": read_request(request) | read_fields(fields or ())}
    optional = {
        "priority": priority,
        "labels": read_labels(label or ()) or None,
        "deadline": deadline,
        "force": force or None,
    }
    body |= {name: value for name, value in optional.items() if value is not None}
    api = Api(api_url(url))
    reply = api.post("/v1/exports", body)
    if not wait:
        answer(reply.text if as_json else _receipt(reply.body, again=reply.status == _HELD_ALREADY))
        return
    last = follow(api, reply.body["id"])
    if as_json:
        answer(last.text)
    tell_end(last.body, quiet=as_json)


def _receipt(export: dict[str, Any], *, again: bool) -> str:
    words = "is in flight already (--force makes another)" if again else "is accepted"
    name = export["id"]
    return f"Export {name} {words}: {export['state']}. Look at it with `landfall show {name}`."
