"""Reads deliveries for those who look on: pages of them, and how each webhook stands."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, func, literal, literal_column, select, tuple_

from landfall.database.clock import UtcDateTime
from landfall.database.deliveries import Delivery, DeliveryState, delivery_of
from landfall.database.reading import Position
from landfall.database.service_tables import deliveries
from landfall.webhooks import CALLBACK

_RECENT = 1000
_NEWEST_FIRST = (deliveries.c.created_at.desc(), deliveries.c.id.desc())
_IS_PENDING = deliveries.c.state == literal_column("'pending'")
_BACKLOG = (
    select(deliveries.c.webhook, func.count().label("pending"), func.min(deliveries.c.created_at).label("oldest"))
    .where(_IS_PENDING)
    .group_by(deliveries.c.webhook)
)
# Without the payloads, which nobody looks at here: a thousand of them are megabytes.
_HEADS = [column if column.name != "payload" else literal("").label("payload") for column in deliveries.c]
_NEWEST = select(*_HEADS).order_by(*_NEWEST_FIRST).limit(_RECENT)


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries to list; a field that is None lets all through. `accounts` are whose may be seen."""

    webhook: str | None = None
    state: DeliveryState | None = None
    subject: str | None = None
    accounts: Collection[str] | None = None


@dataclass(slots=True)
class Standing:
    """How a webhook stands: what it is still to be told, and of its latest news the last that it took or did not take.

    The payloads of these are left out.
    """

    pending: int = 0
    oldest_pending_at: datetime | None = None
    last_delivered: Delivery | None = field(default=None)
    last_refused: Delivery | None = field(default=None)


def page(connection: Connection, wanted: DeliveryFilter, after: Position | None, limit: int) -> list[Delivery]:
    """Up to `limit` deliveries, newest first, after a position (keyset paging)."""
    query = select(deliveries)
    if wanted.webhook == CALLBACK:
        query = query.where(deliveries.c.webhook.is_(None))
    elif wanted.webhook is not None:
        query = query.where(deliveries.c.webhook == wanted.webhook)
    if wanted.state is not None:
        query = query.where(deliveries.c.state == literal_column(f"'{wanted.state}'"))
    if wanted.subject is not None:
        query = query.where(deliveries.c.subject == wanted.subject)
    if wanted.accounts is not None:
        query = query.where(deliveries.c.account.in_(sorted(wanted.accounts)))
    if after:
        place = tuple_(literal(after.created_at, UtcDateTime()), literal(after.id))
        query = query.where(tuple_(deliveries.c.created_at, deliveries.c.id) < place)
    return [delivery_of(row) for row in connection.execute(query.order_by(*_NEWEST_FIRST).limit(limit))]


def stand(connection: Connection) -> dict[str, Standing]:
    """How each receiver stands that something was for, by the webhook's name or CALLBACK."""
    found: dict[str, Standing] = {}
    for webhook, pending, oldest in connection.execute(_BACKLOG):
        found[webhook or CALLBACK] = Standing(pending, oldest)
    for row in connection.execute(_NEWEST):
        each = delivery_of(row)
        standing = found.setdefault(each.webhook or CALLBACK, Standing())
        if each.state is DeliveryState.DELIVERED:
            standing.last_delivered = standing.last_delivered or each
        elif each.error:
            standing.last_refused = standing.last_refused or each
    return found
