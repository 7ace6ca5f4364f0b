"""Finds webhooks and what they were told, and has them told again."""

from functools import partial
from http import HTTPStatus

from sqlalchemy import Connection

from api.auth import Caller
from api.problems import ProblemError
from api.services import Services
from landfall.database import deliveries
from landfall.database.clock import read_clock
from landfall.database.deliveries import Delivery
from landfall.exports.news import TEST, payload
from landfall.webhooks import Webhook


def webhooks_seen(given: Services, caller: Caller) -> dict[str, Webhook]:
    """The webhooks that the caller may know of, by name: whoever is limited to accounts sees those told of no others."""
    return {name: webhook for name, webhook in sorted(given.webhooks.named.items()) if _sees(caller, webhook)}


async def find_delivery(given: Services, caller: Caller, delivery_id: str) -> Delivery:
    """The delivery of this id. Raises ProblemError (404) where the caller sees none."""
    found = await given.database.read(partial(deliveries.find, delivery_id=delivery_id))
    if found is None or not _sees_news_of(caller, found.account):
        raise _no_delivery(delivery_id)
    return found


async def resend(given: Services, caller: Caller, delivery_id: str) -> Delivery:
    """Have it sent now, under its id; one that was delivered is sent once more. Raises ProblemError (404)."""
    await find_delivery(given, caller, delivery_id)
    delivery = await given.database.write(partial(deliveries.send_again, delivery_id=delivery_id))
    if delivery is None:
        raise _no_delivery(delivery_id)
    return delivery


async def send_test(given: Services, caller: Caller, name: str) -> Delivery:
    """Have the webhook told of a `webhook.test`, whatever events it is set to. Raises ProblemError (404)."""
    webhook = webhooks_seen(given, caller).get(name)
    if webhook is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no webhook {name!r}")
    return await given.database.write(partial(_write_test, name=name, webhook=webhook))


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


def _sees(caller: Caller, webhook: Webhook) -> bool:
    return caller.accounts is None or (webhook.accounts is not None and webhook.accounts <= caller.accounts)


def _sees_news_of(caller: Caller, account: str | None) -> bool:
    return caller.accounts is None or (account is not None and caller.sees(account))


def _no_delivery(delivery_id: str) -> ProblemError:
    return ProblemError(HTTPStatus.NOT_FOUND, f"there is no delivery {delivery_id!r}")
