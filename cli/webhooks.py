"""Shows the webhooks and what they were told, and has them told again."""

from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer

from cli.connecting import connect
from cli.listing import All, Listing, tell
from cli.output import answer
from cli.parsing import AsJson, Cursor, KeyFile, Url, group
from cli.tables import Columns, print_table
from cli.words import moment

_CALLBACK = "callback"
_COLUMNS = Columns(
    ("NAME", "URL", "EVENTS", "ACCOUNTS", "PENDING", "LAST_DELIVERED", "LAST_REFUSED", "WHY"),
    spare=("LAST_DELIVERED", "ACCOUNTS", "EVENTS"),
)
_DELIVERY_COLUMNS = Columns(
    ("ID", "STATE", "WEBHOOK", "TYPE", "SUBJECT", "ATTEMPTS", "STATUS", "CREATED", "DUE", "WHY"),
    spare=("CREATED", "ATTEMPTS", "STATUS", "DUE", "TYPE", "WHY"),
)


class State(StrEnum):
    """The states that a list of deliveries can be narrowed to."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


def list_webhooks(*, as_json: AsJson = False, url: Url = None, key_file: KeyFile = None) -> None:
    """List the webhooks of the settings: what each is told, what it has not taken yet, and how the last try went."""
    reply = connect(url, key_file).get("/v1/webhooks")
    if as_json:
        answer(reply.text)
        return
    rows = [_webhook_row(webhook) for webhook in reply.body["items"]]
    print_table(_COLUMNS, rows, none="There are no webhooks; [webhooks.NAME] in landfall.toml makes one.")


def list_deliveries(
    *,
    webhook: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"Only what this webhook is told; {_CALLBACK}: what callback_urls are."),
    ] = None,
    state: Annotated[
        State | None, typer.Option(metavar="STATE", help=f"Only those that stand so: {', '.join(State)}.")
    ] = None,
    subject: Annotated[str | None, typer.Option(metavar="ID", help="Only what tells of this export or batch.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=200, help="At most so many.")] = 50,
    cursor: Cursor = None,
    everything: All = False,
    as_json: AsJson = False,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """List what was sent and is to be sent, newest first."""
    query = {
        "webhook": webhook,
        "state": state and str(state),
        "subject": subject,
        "limit": limit,
        "cursor": cursor,
    }
    tell(_DELIVERIES, connect(url, key_file), query, everything=everything, as_json=as_json)


def resend(
    delivery_id: Annotated[str, typer.Argument(metavar="ID", help="The delivery's id, msg_….")],
    *,
    as_json: AsJson = False,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """Send a delivery now, under its id, whether it failed, waits or was delivered already."""
    reply = connect(url, key_file).post(f"/v1/webhooks/deliveries/{quote(delivery_id, safe='')}/resend", {})
    answer(reply.text if as_json else f"The delivery {reply.body['id']} is sent now.")


def send_test(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The webhook's name in landfall.toml.")],
    *,
    as_json: AsJson = False,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """Send a webhook.test to a webhook."""
    reply = connect(url, key_file).post(f"/v1/webhooks/{quote(name, safe='')}/test", {})
    look = f"`landfall webhooks deliveries --webhook {name}` tells what comes of it"
    answer(reply.text if as_json else f"The delivery {reply.body['id']} is sent now; {look}.")


def _webhook_row(webhook: dict[str, Any]) -> list[object]:
    delivered, refused = webhook["last_delivered"] or {}, webhook["last_refused"] or {}
    return [
        webhook["name"],
        webhook["url"],
        " ".join(webhook["events"]),
        "all" if webhook["accounts"] is None else " ".join(webhook["accounts"]),
        webhook["pending"],
        moment(delivered.get("finished_at")),
        moment(refused.get("created_at")),
        refused.get("error") or "",
    ]


def _delivery_row(delivery: dict[str, Any]) -> list[object]:
    return [
        delivery["id"],
        delivery["state"],
        delivery["webhook"] or _CALLBACK,
        delivery["type"],
        delivery["subject"],
        delivery["attempts"],
        delivery["status"] or "",
        moment(delivery["created_at"]),
        moment(delivery["due_at"]),
        delivery["error"] or "",
    ]


_DELIVERIES = Listing(
    "/v1/webhooks/deliveries", _DELIVERY_COLUMNS, _delivery_row, none="There are no such deliveries: nothing was sent."
)

webhooks = group(
    {"list": list_webhooks, "deliveries": list_deliveries, "resend": resend, "test": send_test},
    about="Show webhooks and what they were told, and have them told again.",
)
