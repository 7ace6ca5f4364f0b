"""Shows the vendor accounts, and holds one back or lets it go on."""

from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

import typer

from cli.connecting import connect
from cli.output import answer
from cli.parsing import AsJson, KeyFile, Url
from cli.tables import Columns, print_table
from cli.words import moment, span

_COLUMNS = Columns(
    (
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
    ),
    spare=("MAX_STARTED", "VENDOR", "PAUSED_BY"),
)

AccountName = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's name in landfall.toml.")]


def accounts(*, as_json: AsJson = False, url: Url = None, key_file: KeyFile = None) -> None:
    """List the vendor accounts: their slots, what waits for one, why none is called, and what is stale."""
    reply = connect(url, key_file).get("/v1/accounts")
    if as_json:
        answer(reply.text)
        return
    print_table(_COLUMNS, [_row(account) for account in reply.body["items"]], none="This key may see no account.")


def pause(account: AccountName, *, as_json: AsJson = False, url: Url = None, key_file: KeyFile = None) -> None:
    """Have no export of an account started until it is resumed; what has been started goes on."""
    reply = connect(url, key_file).post(f"/v1/accounts/{quote(account, safe='')}/pause", {})
    answer(reply.text if as_json else f"Account {account} is paused; `landfall resume {account}` lets it go on.")


def resume(account: AccountName, *, as_json: AsJson = False, url: Url = None, key_file: KeyFile = None) -> None:
    """Have an account's exports started again."""
    reply = connect(url, key_file).post(f"/v1/accounts/{quote(account, safe='')}/resume", {})
    answer(reply.text if as_json else f"Account {account} goes on: {reply.body['queued']} queued.")


def _row(account: dict[str, Any]) -> list[object]:
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
