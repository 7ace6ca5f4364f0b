"""Makes, lists and revokes API keys, in the database itself or behind an API that is named."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from cli.failures import WrongInputError
from cli.key_rings import Key, open_key_ring
from cli.output import answer, remark
from cli.parsing import AsJson, KeyFile, group
from cli.tables import Columns, print_table
from cli.words import moment, plain
from landfall.database.keys import MOST_DAYS, NAME, Scope, prefix_of

_SPAN: TypeAdapter[timedelta] = TypeAdapter(timedelta)
_COLUMNS = Columns(
    ("ID", "PREFIX", "NAME", "SCOPE", "ACCOUNTS", "STATE", "CREATED", "EXPIRES", "LAST_USED"),
    spare=("LAST_USED", "CREATED", "EXPIRES", "ACCOUNTS", "NAME"),
)

ApiUrl = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="An API to ask, with an admin key; default: $LANDFALL_URL, else the database of the settings itself.",
    ),
]


def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Your own name for it: who or what will hold it.")],
    *,
    scope: Annotated[Scope, typer.Option(help="What it is good for; each includes the ones before it.")] = Scope.READ,
    account: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only for this account; may be given more than once.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="DURATION", help="How long it is good for, ISO 8601, for example P90D.")
    ] = None,
    as_json: AsJson = False,
    url: ApiUrl = None,
    key_file: KeyFile = None,
) -> None:
    """Make a key and print it. It is not kept: nobody can show it a second time."""
    if not re.fullmatch(NAME, name):
        raise WrongInputError("NAME: write 1 to 100 characters, none of them a control character.")
    expires_in = _span(expires) if expires else None
    with open_key_ring(url, key_file) as ring:
        made = ring.create(name, scope, account, expires_in)
    answer(json.dumps(made) if as_json else made["key"])
    remark("Keep this key now: it is shown this once.")


def list_keys(*, as_json: AsJson = False, url: ApiUrl = None, key_file: KeyFile = None) -> None:
    """List the keys, newest first; expired and revoked ones too."""
    with open_key_ring(url, key_file) as ring:
        found, now = ring.every()
    if as_json:
        answer(json.dumps({"items": found, "next": None}))
        return
    none = "There are no keys; `landfall keys create` makes one."
    print_table(_COLUMNS, [_row(key, now) for key in found], none=none)


def revoke(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="The key's id, or its prefix lf_….")],
    *,
    as_json: AsJson = False,
    url: ApiUrl = None,
    key_file: KeyFile = None,
) -> None:
    """Revoke keys: within two seconds they open nothing any more. A second time changes nothing."""
    with open_key_ring(url, key_file) as ring:
        known, _ = ring.every()
        chosen = [_chosen(known, text) for text in ids]
        revoked = [ring.revoke(key["id"]) for key in chosen]
    if as_json:
        answer(json.dumps({"items": revoked, "next": None}))
        return
    for key in chosen:
        answer(f"The key {key['prefix']} ({plain(key['name'])}) is revoked.")


def _span(text: str) -> timedelta:
    try:
        span = _SPAN.validate_python(text)
    except ValidationError:
        span = timedelta(0)
    if not text.startswith("P") or not timedelta(0) < span <= timedelta(days=MOST_DAYS):
        raise WrongInputError(
            f"--expires: {text!r} is no span of time up to {MOST_DAYS} days; write it as P90D or PT12H."
        )
    return span


def _chosen(known: Sequence[Key], text: str) -> Key:
    # Whoever pastes the whole key means it too; no answer repeats it.
    wanted = prefix_of(text) or text
    for key in known:
        if wanted in {key["id"], key["prefix"]}:
            return key
    raise WrongInputError(f"ID: there is no key {wanted!r}; `landfall keys list` shows them.")


def _row(key: Mapping[str, Any], now: datetime) -> list[object]:
    expires = key["expires_at"]
    expired = expires is not None and datetime.fromisoformat(expires) <= now
    return [
        key["id"],
        key["prefix"],
        key["name"],
        key["scope"],
        " ".join(key["accounts"]) if key["accounts"] is not None else "all",
        "revoked" if key["revoked_at"] else "expired" if expired else "good",
        *(moment(key[name]) for name in ("created_at", "expires_at", "last_used_at")),
    ]


keys = group({"create": create, "list": list_keys, "revoke": revoke}, about="Make, list and revoke API keys.")
