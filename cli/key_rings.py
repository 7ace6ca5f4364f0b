"""Keeps API keys where they lie: in the database of the settings, or behind an API that is named."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from pydantic import TypeAdapter

from cli.client import Api
from cli.connecting import connect
from cli.credentials import find_key
from cli.failures import CommandError, WrongInputError
from cli.output import remark
from cli.settings_database import SettingsDatabase, settings_database
from cli.wrong_words import nearest
from landfall.database import keys as keys_table
from landfall.database.clock import read_clock
from landfall.database.keys import ApiKey, Scope
from landfall.settings import Settings

_SPAN: TypeAdapter[timedelta] = TypeAdapter(timedelta)
_PATH = "/v1/keys"

Key = dict[str, Any]


class KeyRing(Protocol):
    """Where keys are made, listed and revoked; each reads as the API has it."""

    def create(self, name: str, scope: Scope, accounts: Sequence[str] | None, expires_in: timedelta | None) -> Key:
        """Make a key; `key` in the answer is its text."""

    def every(self) -> tuple[Sequence[Key], datetime]:
        """All keys, newest first, and the time there."""

    def revoke(self, key_id: str) -> Key:
        """Revoke a key."""


@contextmanager
def open_key_ring(url: str | None, key_file: Path | None) -> Iterator[KeyRing]:
    """That behind the API where one is named, here or in LANDFALL_URL; else the database, which no API has to be up for.

    The first key of all is made in the database: without a key LANDFALL_URL counts for nothing, as no API would answer.
    """
    named = os.environ.get("LANDFALL_URL")
    if url or (named and (key_file or _key_for(named))):
        yield _BehindApi(connect(url, key_file))
        return
    if named:
        remark("There is no key for LANDFALL_URL here, so this is about the database of the settings.")
    with settings_database() as database:
        yield _InDatabase(database)


def _key_for(url: str) -> str:
    try:
        return find_key(url.rstrip("/"))
    except CommandError:
        return ""


@dataclass(frozen=True, slots=True)
class _BehindApi:
    api: Api

    def create(self, name: str, scope: Scope, accounts: Sequence[str] | None, expires_in: timedelta | None) -> Key:
        wanted: dict[str, Any] = {"name": name, "scope": scope.value}
        if accounts:
            wanted["accounts"] = list(accounts)
        if expires_in:
            wanted["expires_in"] = _SPAN.dump_python(expires_in, mode="json")
        made: Key = self.api.post(_PATH, wanted).body
        return made

    def every(self) -> tuple[Sequence[Key], datetime]:
        return self.api.get(_PATH).body["items"], datetime.now(UTC)

    def revoke(self, key_id: str) -> Key:
        revoked: Key = self.api.delete(f"{_PATH}/{quote(key_id, safe='')}").body
        return revoked


@dataclass(frozen=True, slots=True)
class _InDatabase:
    database: SettingsDatabase

    def create(self, name: str, scope: Scope, accounts: Sequence[str] | None, expires_in: timedelta | None) -> Key:
        known = _known_accounts(self.database.settings, accounts)
        key, text = self.database.write(
            lambda connection: keys_table.create(connection, name, scope, accounts=known, expires_in=expires_in)
        )
        return _as_json(key) | {"key": text}

    def every(self) -> tuple[Sequence[Key], datetime]:
        found, now = self.database.read(lambda connection: (keys_table.every(connection), read_clock(connection)))
        return [_as_json(key) for key in found], now

    def revoke(self, key_id: str) -> Key:
        revoked = self.database.write(lambda connection: keys_table.revoke(connection, key_id))
        return _as_json(revoked) if revoked else {}


def _known_accounts(settings: Settings, named: Sequence[str] | None) -> frozenset[str] | None:
    for name in named or ():
        if name not in settings.accounts:
            known = ", ".join(sorted(settings.accounts)) or "none"
            raise WrongInputError(
                f"--account: there is no account {name!r}{nearest(name, settings.accounts)} in the settings; known: {known}."
            )
    return frozenset(named) if named else None


def _as_json(key: ApiKey) -> Key:
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
