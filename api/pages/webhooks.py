"""Serves the pages of webhooks: how each stands, what was told, and one piece of news with what is sent."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BeforeValidator

from api import telling
from api.auth import Reader, Writer
from api.cursors import filters_text
from api.pages.forms import PageRoute, Sent
from api.pages.rendering import page
from api.schemas.webhooks import DeliveryView, WebhookView
from api.services import Given
from landfall.database import delivery_lists
from landfall.database.deliveries import DeliveryState
from landfall.database.delivery_lists import DeliveryFilter, Standing
from landfall.webhooks import CALLBACK

_LIMIT = 25
# A form sends what nobody has filled in as an empty text.
_State = Annotated[DeliveryState | None, Query(), BeforeValidator(lambda text: text or None)]

router = APIRouter(include_in_schema=False, route_class=PageRoute)


class Asked(StrEnum):
    """What somebody has just had sent."""

    TEST = "test"
    AGAIN = "again"


@router.get("/webhooks")
async def list_webhooks(
    request: Request,
    caller: Reader,
    given: Given,
    *,
    webhook: str = "",
    state: _State = None,
    subject: str = "",
    cursor: str = "",
) -> Response:
    """How every webhook stands, and what was told, newest first."""
    wanted = DeliveryFilter(webhook.strip() or None, state, subject.strip() or None, caller.accounts)
    filters = filters_text("deliveries page", asdict(wanted))
    after = given.cursors.read(cursor, filters) if cursor else None
    standings, found = await given.database.read(
        lambda connection: (
            delivery_lists.stand(connection),
            delivery_lists.page(connection, wanted, after, _LIMIT + 1),
        )
    )
    listed, more = given.cursors.cut(found, _LIMIT, filters)
    typed = {"webhook": wanted.webhook, "state": wanted.state, "subject": wanted.subject}
    query = {name: str(value) for name, value in typed.items() if value}
    seen = telling.webhooks_seen(given, caller)
    return page(
        request,
        "webhooks.html",
        live=["#webhooks", "#deliveries"],
        now=datetime.now(UTC),
        webhooks=[WebhookView.of(name, each, standings.get(name, Standing())) for name, each in seen.items()],
        # Its backlog tells of every account's exports.
        callbacks=standings.get(CALLBACK) if caller.accounts is None else None,
        callback=CALLBACK,
        deliveries=[DeliveryView.of(each) for each in listed],
        typed=typed,
        states=list(DeliveryState),
        next=f"/webhooks?{urlencode(query | {'cursor': more})}#deliveries" if more else None,
        first=f"/webhooks?{urlencode(query)}#deliveries" if cursor else None,
    )


@router.get("/webhooks/deliveries/{delivery_id}")
async def show(
    request: Request, delivery_id: str, caller: Reader, given: Given, asked: Asked | None = None
) -> Response:
    """One delivery, with what is sent."""
    found = await telling.find_delivery(given, caller, delivery_id)
    return page(
        request,
        "delivery.html",
        live=["#standing"],
        now=datetime.now(UTC),
        delivery=DeliveryView.of(found),
        payload=json.dumps(json.loads(found.payload), indent=2, ensure_ascii=False),
        asked=asked,
    )


@router.post("/webhooks/{name}/test")
async def send_test(name: str, caller: Writer, given: Given, _form: Sent) -> Response:
    """Have a webhook told that this is a test."""
    delivery = await telling.send_test(given, caller, name)
    return _to(delivery.id, Asked.TEST)


@router.post("/webhooks/deliveries/{delivery_id}/resend")
async def resend(delivery_id: str, caller: Writer, given: Given, _form: Sent) -> Response:
    """Have it sent once more."""
    delivery = await telling.resend(given, caller, delivery_id)
    return _to(delivery.id, Asked.AGAIN)


def _to(delivery_id: str, asked: Asked) -> Response:
    return RedirectResponse(f"/webhooks/deliveries/{delivery_id}?asked={asked}", HTTPStatus.SEE_OTHER)
