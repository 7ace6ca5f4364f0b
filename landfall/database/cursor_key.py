"""Keeps the key that the cursors of all API processes are sealed with."""

import secrets

from sqlalchemy import Connection, select

from landfall.database.service_tables import seals
from landfall.database.upsert import insert_missing

_NAME = "cursors"
_BYTES = 32


def cursor_key(connection: Connection) -> bytes:
    """The key; the first who asks makes it."""
    insert_missing(connection, seals, {"name": _NAME, "key": secrets.token_hex(_BYTES)})
    return bytes.fromhex(connection.execute(select(seals.c.key).where(seals.c.name == _NAME)).scalar_one())
