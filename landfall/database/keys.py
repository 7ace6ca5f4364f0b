"""Keeps API keys: who may call the API, how far, until when. Of a key itself only its first letters and a digest."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import uuid_utils
from sqlalchemy import Connection, Row, bindparam, func, or_, select, update

from landfall.database.clock import read_clock, utc_now
from landfall.database.service_tables import keys
from landfall.database.upsert import insert_missing

NAME = r"^[^\x00-\x1f\x7f]{1,100}$"
MOST_DAYS = 36_500
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_PREFIX_LETTERS = 8
_SECRET_BYTES = 32
_SHAPE = re.compile(rf"(lf_[{_LETTERS}]{{{_PREFIX_LETTERS}}})_[A-Za-z0-9_-]{{43}}")
_USE_IS_NOTED_EVERY = timedelta(minutes=1)

_FIND = select(keys, utc_now().label("now")).where(keys.c.prefix == bindparam("prefix"))
_EVERY = select(keys).order_by(keys.c.created_at.desc(), keys.c.id.desc())
_PREFIXES = select(keys.c.prefix).where(keys.c.revoked_at.is_(None))
_STAND = select(keys, utc_now().label("now")).where(keys.c.id == bindparam("key_id"))
_FIND_BY_ID = select(keys).where(keys.c.id == bindparam("key_id"))
_NOTE_USE = (
    update(keys)
    .where(
        keys.c.id == bindparam("key_id"), or_(keys.c.last_used_at.is_(None), keys.c.last_used_at <= bindparam("since"))
    )
    .values(last_used_at=utc_now())
)
_REVOKE = (
    update(keys).where(keys.c.id == bindparam("key_id")).values(revoked_at=func.coalesce(keys.c.revoked_at, utc_now()))
)


class Scope(StrEnum):
    """What a key is good for; each scope includes the ones before it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    def includes(self, needed: "Scope") -> bool:
        """Whether a key of this scope may do what needs the other one."""
        order = list(Scope)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept: everything but what was given to its holder."""

    id: str
    name: str
    prefix: str
    scope: Scope
    accounts: frozenset[str] | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Found:
    """The key that somebody holds, and what the database's clock says of it."""

    key: ApiKey
    left: timedelta | None
    use_is_due: bool

    @property
    def is_good(self) -> bool:
        """Whether it opens anything."""
        return self.key.revoked_at is None and (self.left is None or self.left > timedelta(0))


class ExpiryRefused(Exception):
    """The key would be good for longer than the one that makes it, which is until `latest`."""

    def __init__(self, latest: datetime) -> None:
        """Keep it."""
        super().__init__(f"no key is good for longer than the one that makes it, until {latest.isoformat()}")
        self.latest = latest


def digest_of(text: str) -> str:
    """The SHA-256 of a key, in hexadecimal: 32 random bytes need no slow hash."""
    return hashlib.sha256(text.encode()).hexdigest()


def prefix_of(text: str) -> str | None:
    """The letters that a key is found by, None for what is no key."""
    shape = _SHAPE.fullmatch(text)
    return shape[1] if shape else None


def create(
    connection: Connection,
    name: str,
    scope: Scope,
    *,
    accounts: frozenset[str] | None = None,
    expires_in: timedelta | None = None,
    latest: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key: how it is kept, and its text, which nobody can read again.

    `latest` is when the key that makes it expires: so does the new one unless `expires_in` names another time. Raises
    ExpiryRefused where that is later.
    """
    now = read_clock(connection)
    expires_at = now + expires_in if expires_in else latest
    if latest and expires_at and expires_at > latest:
        raise ExpiryRefused(latest)
    while True:
        prefix = "lf_" + "".join(secrets.choice(_LETTERS) for _ in range(_PREFIX_LETTERS))
        text = f"{prefix}_{secrets.token_urlsafe(_SECRET_BYTES)}"
        key = ApiKey(f"key_{uuid_utils.uuid7().hex}", name, prefix, scope, accounts, now, expires_at, None, None)
        if insert_missing(connection, keys, _columns(key, digest_of(text))):
            return key, text


def find(connection: Connection, prefix: str, digest: str) -> Found | None:
    """The key of this prefix and digest, good or not; None where there is none."""
    row = connection.execute(_FIND, {"prefix": prefix}).one_or_none()
    if row is None or not hmac.compare_digest(row.sha256, digest):
        return None
    return _found(row)


def stand(connection: Connection, key_id: str) -> Found | None:
    """The key of this id, good or not, for whoever has shown it before; None where there is none."""
    row = connection.execute(_STAND, {"key_id": key_id}).one_or_none()
    return _found(row) if row else None


def note_use(connection: Connection, key_id: str) -> None:
    """Write down that the key is in use, unless that was done within the last minute."""
    connection.execute(_NOTE_USE, {"key_id": key_id, "since": read_clock(connection) - _USE_IS_NOTED_EVERY})


def every(connection: Connection) -> list[ApiKey]:
    """All keys, newest first."""
    return [_key(row) for row in connection.execute(_EVERY)]


def prefixes(connection: Connection) -> frozenset[str]:
    """The first letters of every key that was not revoked."""
    return frozenset(connection.execute(_PREFIXES).scalars())


def find_by_id(connection: Connection, key_id: str) -> ApiKey | None:
    """The key of this id."""
    row = connection.execute(_FIND_BY_ID, {"key_id": key_id}).one_or_none()
    return _key(row) if row else None


def revoke(connection: Connection, key_id: str) -> ApiKey | None:
    """Let the key open nothing from now on, and tell since when it does not; None where there is none."""
    connection.execute(_REVOKE, {"key_id": key_id})
    return find_by_id(connection, key_id)


def _found(row: Row[Any]) -> Found:
    due = row.last_used_at is None or row.now - row.last_used_at >= _USE_IS_NOTED_EVERY
    return Found(_key(row), row.expires_at - row.now if row.expires_at else None, due)


def _columns(key: ApiKey, digest: str) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "sha256": digest,
        "scope": key.scope.value,
        "accounts": None if key.accounts is None else sorted(key.accounts),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
    }


def _key(row: Row[Any]) -> ApiKey:
    accounts: Sequence[str] | None = row.accounts
    return ApiKey(
        row.id,
        row.name,
        row.prefix,
        Scope(row.scope),
        None if accounts is None else frozenset(accounts),
        row.created_at,
        row.expires_at,
        row.revoked_at,
        row.last_used_at,
    )
