"""Gives each duty to one process at a time, for as long as that one renews it."""

from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, or_, select, update

from landfall.database.clock import read_clock, utc_now
from landfall.database.tables import duties
from landfall.database.upsert import insert_missing

# Looking after what no message asks for.
SWEEP = "sweep"
_LOOK = select(duties.c.holder, duties.c.until, utc_now().label("now")).where(duties.c.name == bindparam("duty"))


class Hold(NamedTuple):
    """Who has a duty, and for how long yet: what is not above zero has run out."""

    holder: str
    left: timedelta


def look(connection: Connection, name: str) -> Hold | None:
    """How the duty stands, without writing; None where nobody has it."""
    row = connection.execute(_LOOK, {"duty": name}).one_or_none()
    return Hold(row.holder, row.until - row.now) if row else None


def claim(connection: Connection, name: str, holder: str, length: timedelta) -> bool:
    """Take or renew the duty for `length` from now by the database's clock; False while somebody else has it."""
    now = read_clock(connection)
    free = or_(duties.c.holder == holder, duties.c.until <= now)
    taken = {"holder": holder, "until": now + length}
    if connection.execute(update(duties).where(duties.c.name == name, free).values(**taken)).rowcount:
        return True
    return insert_missing(connection, duties, {"name": name, **taken})


def any_held(connection: Connection) -> bool:
    """Whether some process holds a duty now."""
    return connection.execute(select(duties.c.name).where(duties.c.until > utc_now()).limit(1)).first() is not None


def let_go(connection: Connection, name: str, holder: str) -> None:
    """Leave the duty to whoever claims it next."""
    connection.execute(delete(duties).where(duties.c.name == name, duties.c.holder == holder))
