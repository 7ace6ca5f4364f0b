"""Keeps the outbox of the webhooks: what is to be sent, to whom and when, and what became of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import uuid_utils
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Update,
    and_,
    bindparam,
    delete,
    insert,
    literal_column,
    select,
    update,
)

from landfall.database.clock import read_clock, utc_now
from landfall.database.service_tables import deliveries

_is_due = deliveries.c.due_at <= utc_now()
_ANY_DUE = select(deliveries.c.id).where(_is_due).limit(1)
_FIND = select(deliveries).where(deliveries.c.id == bindparam("sought"))


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One piece of news for one receiver: a webhook of the settings, or the `url` that an export brought.

    `account` is whose news it is, None where it is not one account's. `status` and `error` are those of the last try.
    """

    id: str
    webhook: str | None = None
    url: str | None = None
    type: str
    subject: str
    account: str | None
    payload: str
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    created_at: datetime
    due_at: datetime | None
    finished_at: datetime | None = None
    status: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Receivers:
    """To whom something may be sent now: these webhooks, and callback URLs but those that begin with one of `but`."""

    webhooks: frozenset[str]
    callbacks: bool
    but: frozenset[str] = frozenset()


class Due(NamedTuple):
    """A delivery that is due, as far as one has to know it to choose."""

    id: str
    webhook: str | None
    url: str | None


def new_id() -> str:
    """An id for a delivery, which its receiver knows it by."""
    return f"msg_{uuid_utils.uuid7().hex}"


def add(connection: Connection, new: Sequence[Delivery]) -> None:
    """Write them down to be sent."""
    if new:
        connection.execute(insert(deliveries), [asdict(each) | {"state": each.state.value} for each in new])


def find(connection: Connection, delivery_id: str) -> Delivery | None:
    """The delivery of this id."""
    row = connection.execute(_FIND, {"sought": delivery_id}).one_or_none()
    return delivery_of(row) if row else None


def any_due(connection: Connection) -> bool:
    """Whether something is due to anybody: a quick look."""
    return connection.execute(_ANY_DUE).first() is not None


def look(connection: Connection, receivers: Receivers, limit: int) -> list[Due]:
    """What is due longest to these receivers; behind a long backlog of others it takes a while."""
    query = select(deliveries.c.id, deliveries.c.webhook, deliveries.c.url).where(_is_due, _is_for(receivers))
    return [Due(*row) for row in connection.execute(query.order_by(deliveries.c.due_at).limit(limit))]


def claim(connection: Connection, ids: Sequence[str], lease: timedelta) -> tuple[list[Delivery], datetime]:
    """Take those of them that are due still from every other worker for the length of the lease.

    Returns them and the database's time.
    """
    now = read_clock(connection)
    query = select(deliveries).where(deliveries.c.id.in_(ids), _is_due).with_for_update(skip_locked=True)
    taken = [replace(delivery_of(row), due_at=now + lease) for row in connection.execute(query)]
    if taken:
        leased = update(deliveries).where(deliveries.c.id.in_([each.id for each in taken]))
        connection.execute(leased.values(due_at=now + lease))
    return taken, now


def settle(
    connection: Connection,
    claimed: Delivery,
    outcome: DeliveryState,
    *,
    wait: float,
    status: int | None,
    error: str | None,
) -> bool:
    """Write what came of a try; one that is still pending is due again in so many seconds.

    False where it was taken by somebody else, or asked for again, since the claim.
    """
    now = read_clock(connection)
    ended = outcome is not DeliveryState.PENDING
    values = {
        "state": outcome.value,
        "attempts": claimed.attempts + 1,
        "due_at": None if ended else now + timedelta(seconds=wait),
        "finished_at": now if ended else None,
        "status": status,
        "error": error,
    }
    return bool(connection.execute(_still(claimed).values(**values)).rowcount)


def hand_back(connection: Connection, claimed: Delivery) -> bool:
    """Let another worker send it at once: nothing is known of how this try went."""
    return bool(connection.execute(_still(claimed).values(due_at=read_clock(connection))).rowcount)


def send_again(connection: Connection, delivery_id: str) -> Delivery | None:
    """Make it due now, with all its tries before it, however it stands; None where there is none."""
    anew = {"state": DeliveryState.PENDING.value, "attempts": 0, "due_at": read_clock(connection), "finished_at": None}
    connection.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(**anew))
    return find(connection, delivery_id)


def fail_forgotten(connection: Connection, known: Receivers, overdue: timedelta, error: str, limit: int) -> int:
    """Give up what is for none of the known receivers, and due for so long without a claim; returns how many."""
    now = read_clock(connection)
    unknown = deliveries.c.webhook.is_not(None) & deliveries.c.webhook.not_in(sorted(known.webhooks))
    if not known.callbacks:
        unknown |= deliveries.c.webhook.is_(None)
    late = select(deliveries.c.id).where(deliveries.c.due_at < now - overdue, unknown).limit(limit)
    failed = {"state": DeliveryState.FAILED.value, "due_at": None, "finished_at": now, "error": error}
    return connection.execute(update(deliveries).where(deliveries.c.id.in_(late)).values(**failed)).rowcount


def remove_old(connection: Connection, age: timedelta, limit: int) -> int:
    """Remove what was finished longer ago than that; returns how many."""
    before = read_clock(connection) - age
    ended = deliveries.c.state.in_([literal_column("'delivered'"), literal_column("'failed'")])
    # What was finished before then was made before then, which an index knows.
    old = (ended, deliveries.c.created_at < before, deliveries.c.finished_at < before)
    oldest = select(deliveries.c.id).where(*old).limit(limit)
    return connection.execute(delete(deliveries).where(deliveries.c.id.in_(oldest))).rowcount


def delivery_of(row: Row[Any]) -> Delivery:
    """The delivery that a row tells of."""
    columns = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented accessor
    return Delivery(**columns | {"state": DeliveryState(columns["state"])})


def _is_for(receivers: Receivers) -> ColumnElement[bool]:
    whose: ColumnElement[bool] = deliveries.c.webhook.in_(sorted(receivers.webhooks))
    if receivers.callbacks:
        others = (~deliveries.c.url.startswith(origin, autoescape=True) for origin in sorted(receivers.but))
        whose |= and_(deliveries.c.webhook.is_(None), *others)
    return whose


def _still(claimed: Delivery) -> Update:
    return update(deliveries).where(deliveries.c.id == claimed.id, deliveries.c.due_at == claimed.due_at)
