"""Defines how webhooks and what they were told read."""

import json
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from landfall.database.deliveries import Delivery, DeliveryState
from landfall.database.delivery_lists import Standing
from landfall.webhooks import Webhook, shown_url


class DeliveryView(BaseModel):
    """One piece of news for one receiver."""

    id: str = Field(description="The receiver gets it as the header webhook-id, the same at each try.")
    webhook: str | None = Field(description="The webhook of the settings; null for an export's callback_url.")
    callback_url: str | None = Field(description="Where an export wants it, scheme and host alone; null for a webhook.")
    type: str = Field(description="What it tells.", examples=["export.stored"])
    subject: str = Field(description="The export, the batch or the webhook that it tells of.")
    account: str | None = Field(description="Whose news it is; null where it is not one account's.")
    state: DeliveryState
    attempts: int = Field(description="Tries that came to an end.")
    created_at: datetime
    due_at: datetime | None = Field(description="When it is sent next; while it is being sent, when that is given up.")
    finished_at: datetime | None
    status: int | None = Field(description="The HTTP status of the last try; null where nobody answered.")
    error: str | None = Field(description="Why the last try was in vain.")

    @classmethod
    def of(cls, delivery: Delivery) -> "DeliveryView":
        """The view of a delivery."""
        return cls.model_construct(**_columns(delivery))


class DeliveryDetail(DeliveryView):
    """The same, with what is sent."""

    payload: dict[str, Any] = Field(description="The body that the receiver gets.")

    @classmethod
    def of(cls, delivery: Delivery) -> "DeliveryDetail":
        """The view of a delivery and its payload."""
        return cls.model_construct(**_columns(delivery), payload=json.loads(delivery.payload))


class DeliveryPage(BaseModel):
    """A page of deliveries, newest first; `next` is the cursor of the page after it."""

    items: list[DeliveryView]
    next: str | None


class WebhookView(BaseModel):
    """A webhook of the settings."""

    name: str
    url: str = Field(
        description="Scheme and host alone: the rest may be a secret.", examples=["https://hooks.example/…"]
    )
    events: list[str]
    accounts: list[str] | None = Field(description="The only accounts that it is told of; null: all.")
    pending: int = Field(description="News that it has not taken yet.")
    oldest_pending_at: datetime | None = Field(description="Since when the oldest of it waits.")
    last_delivered: DeliveryView | None = Field(description="The last news that it took, of the latest of all.")
    last_refused: DeliveryView | None = Field(description="The last that it did not take, or has not taken yet.")

    @classmethod
    def of(cls, name: str, webhook: Webhook, standing: Standing) -> "WebhookView":
        """The view of a webhook."""
        return cls.model_construct(
            name=name,
            url=shown_url(webhook.url),
            events=sorted(webhook.events),
            accounts=None if webhook.accounts is None else sorted(webhook.accounts),
            pending=standing.pending,
            oldest_pending_at=standing.oldest_pending_at,
            last_delivered=_shown(standing.last_delivered),
            last_refused=_shown(standing.last_refused),
        )


class WebhookPage(BaseModel):
    """The webhooks of the settings."""

    items: list[WebhookView]
    next: str | None


def _shown(delivery: Delivery | None) -> DeliveryView | None:
    return DeliveryView.of(delivery) if delivery else None


def _columns(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "webhook": delivery.webhook,
        "callback_url": delivery.url and shown_url(delivery.url),
        "type": delivery.type,
        "subject": delivery.subject,
        "account": delivery.account,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "created_at": delivery.created_at,
        "due_at": delivery.due_at,
        "finished_at": delivery.finished_at,
        "status": delivery.status,
        "error": delivery.error,
    }
