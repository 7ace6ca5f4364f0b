"""Serves /v1/webhooks."""

from dataclasses import asdict
from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from api import telling
from api.auth import Reader, Writer
from api.cursors import filters_text
from api.refusals import INVALID, refusal
from api.schemas.webhooks import DeliveryDetail, DeliveryPage, DeliveryView, WebhookPage, WebhookView
from api.services import Given
from api.strict_route import StrictRoute
from landfall.database import delivery_lists
from landfall.database.deliveries import DeliveryState
from landfall.database.delivery_lists import DeliveryFilter, Standing
from landfall.webhooks import CALLBACK

_NO_DELIVERY = refusal(404, "No delivery has this id.")
_NO_WEBHOOK = refusal(404, "No webhook has this name.")

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], route_class=StrictRoute)


@router.get("", response_model=WebhookPage)
async def list_webhooks(caller: Reader, given: Given) -> Response:
    """The webhooks of the settings, and how each stands."""
    standings = await given.database.read(delivery_lists.stand)
    views = [
        WebhookView.of(name, webhook, standings.get(name, Standing()))
        for name, webhook in telling.webhooks_seen(given, caller).items()
    ]
    return _json(WebhookPage.model_construct(items=views, next=None))


@router.get("/deliveries", response_model=DeliveryPage, responses=INVALID)
async def list_deliveries(
    caller: Reader,
    given: Given,
    webhook: Annotated[
        str | None, Query(description=f"Only what this webhook is told; `{CALLBACK}`: what callback_urls are.")
    ] = None,
    state: Annotated[DeliveryState | None, Query()] = None,
    subject: Annotated[str | None, Query(description="Only what tells of this export, batch or webhook.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(description="The `next` of the page before.")] = None,
) -> Response:
    """List what webhooks and callback_urls were told and are to be told, newest first; kept for 30 days."""
    wanted = DeliveryFilter(webhook, state, subject, caller.accounts)
    filters = filters_text("deliveries", asdict(wanted))
    after = given.cursors.read(cursor, filters) if cursor else None
    found = await given.database.read(
        partial(delivery_lists.page, wanted=wanted, after=after, limit=limit + 1),
    )
    listed, more = given.cursors.cut(found, limit, filters)
    return _json(DeliveryPage.model_construct(items=[DeliveryView.of(each) for each in listed], next=more))


@router.get("/deliveries/{delivery_id}", response_model=DeliveryDetail, responses=_NO_DELIVERY)
async def show_delivery(delivery_id: str, caller: Reader, given: Given) -> Response:
    """One delivery, with what is sent."""
    return _json(DeliveryDetail.of(await telling.find_delivery(given, caller, delivery_id)))


@router.post(
    "/deliveries/{delivery_id}/resend",
    status_code=HTTPStatus.ACCEPTED,
    response_model=DeliveryView,
    responses=_NO_DELIVERY,
)
async def resend(delivery_id: str, caller: Writer, given: Given) -> Response:
    """Send it now, under its id and with all its tries before it; one that was delivered is sent once more."""
    delivery = await telling.resend(given, caller, delivery_id)
    return _json(DeliveryView.of(delivery), HTTPStatus.ACCEPTED)


@router.post("/{name}/test", status_code=HTTPStatus.ACCEPTED, response_model=DeliveryView, responses=_NO_WEBHOOK)
async def send_test(name: str, caller: Writer, given: Given) -> Response:
    """Have the webhook told of a `webhook.test`, whatever events it is set to."""
    delivery = await telling.send_test(given, caller, name)
    return _json(DeliveryView.of(delivery), HTTPStatus.ACCEPTED)


def _json(view: BaseModel, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(view.model_dump_json(), status, media_type="application/json")
