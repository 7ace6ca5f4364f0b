"""Keeps who is logged in to the pages; of what the browser shows only a digest."""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from landfall.database import keys
from landfall.database.clock import read_clock, utc_now
from landfall.database.keys import Found, digest_of
from landfall.database.service_tables import sessions

# A session ends when nobody has looked at a page for so long, and in any case a month after the log-in.
IDLE = timedelta(hours=12)
LONGEST = timedelta(days=30)
_IS_EXTENDED_EVERY = timedelta(minutes=10)
_TOKEN_BYTES = 32

_FIND = select(sessions, utc_now().label("now")).where(sessions.c.sha256 == bindparam("digest"))
_EXTEND = update(sessions).where(sessions.c.sha256 == bindparam("digest")).values(expires_at=bindparam("until"))
_END = delete(sessions).where(sessions.c.sha256 == bindparam("digest"))
_FORGET = delete(sessions).where(sessions.c.expires_at <= utc_now())
# Nobody has so many browsers: what logs in anew for each page shall not fill the table.
MOST_OF_A_KEY = 100
_NEWEST_OF_KEY = (
    select(sessions.c.sha256)
    .where(sessions.c.key_id == bindparam("of"))
    .order_by(sessions.c.created_at.desc(), sessions.c.sha256)
    .limit(MOST_OF_A_KEY)
)
_FORGET_OLDER = delete(sessions).where(sessions.c.key_id == bindparam("of"), sessions.c.sha256.not_in(_NEWEST_OF_KEY))


@dataclass(frozen=True, slots=True)
class Session:
    """A log-in: the key it was made with, what its forms prove themselves by, and how long it is good for yet."""

    key: Found
    form_token: str = field(repr=False)
    left: timedelta
    extension_is_due: bool

    @property
    def is_good(self) -> bool:
        """Whether it opens anything: it ends with its key."""
        return self.left > timedelta(0) and self.key.is_good


def begin(connection: Connection, key_id: str) -> str:
    """Log the holder of a key in; returns what the browser is to show from now on.

    Forgets sessions that have ended, and the oldest of a key that has too many.
    """
    connection.execute(_FORGET)
    token, now = secrets.token_urlsafe(_TOKEN_BYTES), read_clock(connection)
    values = {
        "sha256": digest_of(token),
        "key_id": key_id,
        "form_token": secrets.token_urlsafe(_TOKEN_BYTES),
        "created_at": now,
        "expires_at": now + IDLE,
    }
    connection.execute(insert(sessions).values(values))
    connection.execute(_FORGET_OLDER, {"of": key_id})
    return token


def find(connection: Connection, digest: str) -> Session | None:
    """The session of what a browser shows, good or not; None where there is none."""
    row = connection.execute(_FIND, {"digest": digest}).one_or_none()
    key = keys.stand(connection, row.key_id) if row else None
    if row is None or key is None:
        return None
    left = row.expires_at - row.now if key.left is None else min(row.expires_at - row.now, key.left)
    until = min(row.now + IDLE, row.created_at + LONGEST)
    return Session(key, row.form_token, left, extension_is_due=until - row.expires_at >= _IS_EXTENDED_EVERY)


def extend(connection: Connection, digest: str) -> None:
    """Let the session be good for another IDLE from now, but no longer than LONGEST."""
    row = connection.execute(_FIND, {"digest": digest}).one_or_none()
    if row is not None and row.expires_at > row.now:
        connection.execute(_EXTEND, {"digest": digest, "until": min(row.now + IDLE, row.created_at + LONGEST)})


def end(connection: Connection, digest: str) -> None:
    """Log out: what the browser shows opens nothing any more."""
    connection.execute(_END, {"digest": digest})
