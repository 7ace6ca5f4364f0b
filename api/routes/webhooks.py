"""Serves /v1/webhooks."""

from dataclasses import asdict
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel
from sqlalchemy import Connection

from api.auth import Caller, Reader, Writer
from api.cursors import filters_text
from api.finding import PROBLEM
from api.problems import ProblemError
from api.schemas.webhooks import DeliveryDetail, DeliveryPage, DeliveryView, WebhookPage, WebhookView
from api.services import Given
from api.strict_route import StrictRoute
from landfall.database import deliveries, delivery_lists
from landfall.database.clock import read_clock
from landfall.database.deliveries import Delivery, DeliveryState
from landfall.database.delivery_lists import DeliveryFilter, Standing
from landfall.exports.news import TEST, payload
from landfall.webhooks import CALLBACK, Webhook

_INVALID: dict[int | str, dict[str, Any]] = {422: {**PROBLEM, "description": "A field is wrong; `errors` names it."}}
_NO_DELIVERY: dict[int | str, dict[str, Any]] = {404: {**PROBLEM, "description": "No delivery has this id."}}
_NO_WEBHOOK: dict[int | str, dict[str, Any]] = {404: {**PROBLEM, "description": "No webhook has this name."}}

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], route_class=StrictRoute)


@router.get("", response_model=WebhookPage)
async def list_webhooks(caller: Reader, given: Given) -> Response:
    """The webhooks of the settings, and how each stands."""
    standings = await given.database.read(delivery_lists.stand)
    views = [
        WebhookView.of(name, webhook, standings.get(name, Standing()))
        for name, webhook in sorted(given.webhooks.named.items())
        if _sees(caller, webhook)
    ]
    return _json(WebhookPage.model_construct(items=views, next=None))


@router.get("/deliveries", response_model=DeliveryPage, responses=_INVALID)
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
    more = given.cursors.after(found[limit - 1], filters) if len(found) > limit else None
    return _json(DeliveryPage.model_construct(items=[DeliveryView.of(each) for each in found[:limit]], next=more))


@router.get("/deliveries/{delivery_id}", response_model=DeliveryDetail, responses=_NO_DELIVERY)
async def show_delivery(delivery_id: str, caller: Reader, given: Given) -> Response:
    """One delivery, with what is sent."""
    return _json(DeliveryDetail.of(await _find(given, caller, delivery_id)))


@router.post(
    "/deliveries/{delivery_id}/resend",
    status_code=HTTPStatus.ACCEPTED,
    response_model=DeliveryView,
    responses=_NO_DELIVERY,
)
async def resend(delivery_id: str, caller: Writer, given: Given) -> Response:
    """Send it now, under its id and with all its tries before it; one that was delivered is sent once more."""
    await _find(given, caller, delivery_id)
    delivery = await given.database.write(partial(deliveries.send_again, delivery_id=delivery_id))
    if delivery is None:
        raise _no_delivery(delivery_id)
    return _json(DeliveryView.of(delivery), HTTPStatus.ACCEPTED)


@router.post("/{name}/test", status_code=HTTPStatus.ACCEPTED, response_model=DeliveryView, responses=_NO_WEBHOOK)
async def send_test(name: str, caller: Writer, given: Given) -> Response:
    """Have the webhook told of a `webhook.test`, whatever events it is set to."""
    webhook = given.webhooks.named.get(name)
    if webhook is None or not _sees(caller, webhook):
        raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no webhook {name!r}")
    delivery = await given.database.write(partial(_write_test, name=name, webhook=webhook))
    return _json(DeliveryView.of(delivery), HTTPStatus.ACCEPTED)


def _write_test(connection: Connection, name: str, webhook: Webhook) -> Delivery:
    now = read_clock(connection)
    only = webhook.accounts if webhook.accounts and len(webhook.accounts) == 1 else frozenset[str]()
    delivery = Delivery(
        id=deliveries.new_id(),
        webhook=name,
        type=TEST,
        subject=name,
        account=next(iter(only), None),
        payload=payload(TEST, now, {"webhook": name}),
        created_at=now,
        due_at=now,
    )
    deliveries.add(connection, [delivery])
    return delivery


async def _find(given: Given, caller: Caller, delivery_id: str) -> Delivery:
    """The delivery of this id. Raises ProblemError (404) where the caller sees none."""
    found = await given.database.read(partial(deliveries.find, delivery_id=delivery_id))
    if found is None or not _sees_news_of(caller, found.account):
        raise _no_delivery(delivery_id)
    return found


def _sees(caller: Caller, webhook: Webhook) -> bool:
    """Whoever is limited to accounts sees the webhooks that are told of none but those."""
    return caller.accounts is None or (webhook.accounts is not None and webhook.accounts <= caller.accounts)


def _sees_news_of(caller: Caller, account: str | None) -> bool:
    return caller.accounts is None or (account is not None and caller.sees(account))


def _no_delivery(delivery_id: str) -> ProblemError:
    return ProblemError(HTTPStatus.NOT_FOUND, f"there is no delivery {delivery_id!r}")


def _json(view: BaseModel, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(view.model_dump_json(), status, media_type="application/json")
