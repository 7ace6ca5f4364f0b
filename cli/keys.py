"""Makes, lists and revokes API keys, in the database itself: the first key of a server is made before any opens it."""

import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from cli.failures import WrongInputError
from cli.output import answer, remark
from cli.parsing import AsJson, group
from cli.settings_database import settings_database
from cli.tables import print_table
from cli.words import moment, plain
from landfall.database import keys as keys_table
from landfall.database.clock import read_clock
from landfall.database.keys import MOST_DAYS, NAME, ApiKey, Scope
from landfall.settings import Settings

_SPAN: TypeAdapter[timedelta] = TypeAdapter(timedelta)


def create(
    name: Annotated[str, typer.Argument(help="Your own name for it: who or what will hold it.")],
    *,
    scope: Annotated[Scope, typer.Option(help="What it is good for; each includes the ones before it.")] = Scope.READ,
    account: Annotated[
        list[str] | None, typer.Option(help="Only for this account; may be given more than once.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="DURATION", help="How long it is good for, ISO 8601, for example P90D.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it. It is not kept: nobody can show it a second time."""
    if not re.fullmatch(NAME, name):
        raise WrongInputError("NAME: write 1 to 100 characters, none of them a control character.")
    expires_in = _span(expires) if expires else None
    with settings_database() as database:
        accounts = _accounts(database.settings, account)
        key, text = database.write(
            lambda connection: keys_table.create(connection, name, scope, accounts=accounts, expires_in=expires_in)
        )
    answer(json.dumps(_as_json(key) | {"key": text}) if as_json else text)
    remark("Keep this key now: it is shown this once.")


def list_keys(*, as_json: AsJson = False) -> None:
    """List the keys, newest first; expired and revoked ones too."""
    with settings_database() as database:
        found, now = database.read(lambda connection: (keys_table.every(connection), read_clock(connection)))
    if as_json:
        answer(json.dumps({"items": [_as_json(key) for key in found], "next": None}))
        return
    header = ("ID", "PREFIX", "NAME", "SCOPE", "ACCOUNTS", "STATE", "CREATED", "EXPIRES", "LAST_USED")
    print_table(header, [_row(key, now) for key in found])


def revoke(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="The key's id, or its prefix lf_….")],
    *,
    as_json: AsJson = False,
) -> None:
    """Revoke keys: within two seconds they open nothing any more. A second time changes nothing."""
    with settings_database() as database:
        known = database.read(keys_table.every)
        chosen = [_chosen(known, text) for text in ids]
        revoked = database.write(lambda connection: [keys_table.revoke(connection, key.id) for key in chosen])
    if as_json:
        answer(json.dumps({"items": [_as_json(key) for key in revoked if key], "next": None}))
        return
    for key in chosen:
        answer(f"The key {key.prefix} ({plain(key.name)}) is revoked.")


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


def _accounts(settings: Settings, named: Sequence[str] | None) -> frozenset[str] | None:
    for name in named or ():
        if name not in settings.accounts:
            known = ", ".join(sorted(settings.accounts)) or "none"
            raise WrongInputError(f"--account: there is no account {name!r} in the settings; known: {known}.")
    return frozenset(named) if named else None


def _chosen(known: Sequence[ApiKey], text: str) -> ApiKey:
    # Whoever pastes the whole key means it too; no answer repeats it.
    wanted = keys_table.prefix_of(text) or text
    for key in known:
        if wanted in {key.id, key.prefix}:
            return key
    raise WrongInputError(f"ID: there is no key {wanted!r}; `landfall keys list` shows them.")


def _row(key: ApiKey, now: datetime) -> list[object]:
    expired = key.expires_at is not None and key.expires_at <= now
    return [
        key.id,
        key.prefix,
        key.name,
        key.scope,
        " ".join(sorted(key.accounts)) if key.accounts is not None else "all",
        "revoked" if key.revoked_at else "expired" if expired else "good",
        *(moment(at.isoformat() if at else None) for at in (key.created_at, key.expires_at, key.last_used_at)),
    ]


def _as_json(key: ApiKey) -> dict[str, Any]:
    moments = {
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    }
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "scope": key.scope,
        "accounts": None if key.accounts is None else sorted(key.accounts),
        **{name: at and at.isoformat().replace("+00:00", "Z") for name, at in moments.items()},
    }


keys = group({"create": create, "list": list_keys, "revoke": revoke}, about="Make, list and revoke API keys.")
