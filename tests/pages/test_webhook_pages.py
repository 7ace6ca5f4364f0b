"""Promises of the pages of webhooks: how each stands, what was told, and what has it told again."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, delete, update

from landfall.database import deliveries, service_tables
from landfall.database.clock import read_clock
from landfall.database.deliveries import Delivery, DeliveryState
from landfall.database.keys import Scope
from tests.pages.browsing import Visitor
from tests.pages.planting import entered, part, plant, read, refused, words
from tests.stack import Stack

UNUSED = "shop-ab"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
SECRETS = ("PlantedPath", "PlantedQuery")
PAYLOAD = json.dumps({"type": "export.stored", "data": {"note": "<script>alert(1)</script>"}})


@pytest.fixture(autouse=True)
def _outbox(operated: Stack) -> Iterator[None]:
    """An outbox of the test's own."""
    yield
    plant(operated, lambda connection: connection.execute(delete(service_tables.deliveries)))


def put(stack: Stack, *news: dict[str, object]) -> list[str]:
    """Deliveries that were made one second after the other, the newest last; their ids."""
    ids = [f"msg_{number:02}{'0' * 30}" for number in range(len(news))]

    def write(connection: Connection) -> None:
        now = read_clock(connection)
        common = Delivery(
            id="",
            webhook="ops",
            type="export.stored",
            subject="exp_1",
            account="shop-bwp",
            payload=PAYLOAD,
            created_at=now,
            due_at=None,
        )
        rows = [
            replace(common, id=id_, created_at=now - timedelta(seconds=len(news) - number), **changes)  # type: ignore[arg-type]
            for number, (id_, changes) in enumerate(zip(ids, news, strict=True))
        ]
        deliveries.add(connection, rows)

    plant(stack, write)
    return ids


DONE = {"state": DeliveryState.DELIVERED, "attempts": 1, "status": 204}
GIVEN_UP = {"state": DeliveryState.FAILED, "attempts": 8, "status": 500, "error": "<b>it answered 500</b>"}


def test_a_webhook_shows_where_it_stands_and_never_the_rest_of_its_address(operated: Stack, admin: Visitor) -> None:
    put(operated, GIVEN_UP, DONE, {})
    html = admin.get("/webhooks").text
    seen = words(part(html, "webhooks"))
    assert "ops https://ops.receiver.test/…" in seen
    assert "guarded https://guarded.receiver.test/ export.failed of shop-ab 0" in seen
    assert "HTTP 500: <b>it answered 500</b>" in seen
    assert "1 since" in seen
    assert "<b>it answered" not in html
    assert not [secret for secret in SECRETS if secret in html]


def test_a_callback_is_shown_by_its_host_alone(operated: Stack, admin: Visitor) -> None:
    (callback,) = put(operated, {"webhook": None, "url": "https://caller.test/PlantedPath?key=PlantedQuery"})
    for path in ("/webhooks", f"/webhooks/deliveries/{callback}"):
        html = admin.get(path).text
        assert "https://caller.test/…" in html
        assert not [secret for secret in SECRETS if secret in html]
    assert "callback_urls that exports brought" in read(admin, "/webhooks", "webhooks")


def test_deliveries_are_filtered_by_webhook_state_and_subject(operated: Stack, admin: Visitor) -> None:
    subject = "bat_" + "7" * 32
    delivered, failed, other = put(operated, DONE, GIVEN_UP | {"subject": subject}, DONE | {"webhook": "guarded"})

    def shown(query: str) -> list[str]:
        html = part(admin.get(f"/webhooks?{query}").text, "deliveries")
        return [each for each in (delivered, failed, other) if f'id="{each}"' in html]

    assert shown("webhook=&state=&subject=") == [delivered, failed, other]
    assert shown("webhook=ops") == [delivered, failed]
    assert shown("state=failed") == [failed]
    assert shown(f"subject={subject}") == [failed]
    assert f'href="/batches/{subject}"' in admin.get("/webhooks").text
    assert shown("webhook=callback") == []
    assert "Nothing fits" in read(admin, "/webhooks?webhook=callback")
    assert admin.get("/webhooks?state=lost").status_code == 422


def test_a_longer_list_keeps_its_filters_from_page_to_page(operated: Stack, admin: Visitor) -> None:
    ids = put(operated, *[DONE if number % 2 else GIVEN_UP for number in range(60)])
    html = admin.get("/webhooks?state=failed").text
    older = next(line for line in html.splitlines() if 'rel="next"' in line).split('href="')[1].split('"')[0]
    assert older.startswith("/webhooks?state=failed&amp;cursor=")
    second = admin.get(older.replace("&amp;", "&").partition("#")[0]).text
    shown = [each for each in ids if f'id="{each}"' in html or f'id="{each}"' in second]
    assert shown == ids[::2]


def test_a_delivery_shows_what_is_sent_and_what_came_of_it(operated: Stack, admin: Visitor) -> None:
    (failed,) = put(operated, GIVEN_UP)
    html = admin.get(f"/webhooks/deliveries/{failed}").text
    assert "<script>alert" not in html
    seen = words(html)
    assert '"note": "<script>alert(1)</script>"' in seen
    for told in (failed, "failed", "Tries 8", "HTTP 500: <b>it answered 500</b>"):
        assert told in seen


def test_a_delivery_is_sent_again_by_a_press(operated: Stack, admin: Visitor) -> None:
    (failed,) = put(operated, GIVEN_UP)
    sent = admin.send(f"/webhooks/deliveries/{failed}/resend", {"form_token": admin.form_token()})
    assert sent.status_code == 303
    assert "It was handed to the workers" in read(admin, sent.headers["location"])
    assert operated.get(f"/v1/webhooks/deliveries/{failed}").json()["state"] == "pending"


def test_a_test_is_sent_by_a_press_and_its_page_follows(admin: Visitor) -> None:
    sent = admin.send("/webhooks/ops/test", {"form_token": admin.form_token()})
    assert sent.status_code == 303
    seen = read(admin, sent.headers["location"])
    assert "webhook.test" in seen
    assert "The test was handed to the workers" in seen
    assert admin.send("/webhooks/none/test", {"form_token": admin.form_token()}).status_code == 404


def test_whoever_only_reads_sees_no_button_and_is_refused(operated: Stack) -> None:
    (failed,) = put(operated, GIVEN_UP)
    with entered(operated) as visitor:
        assert 'method="post"' not in part(visitor.get("/webhooks").text, "main")
        assert "<form" not in part(visitor.get(f"/webhooks/deliveries/{failed}").text, "main")
        token = {"form_token": visitor.form_token()}
        for path in ("/webhooks/ops/test", f"/webhooks/deliveries/{failed}/resend"):
            assert visitor.send(path, token).status_code == 403


def test_a_form_that_came_from_elsewhere_sends_nothing(operated: Stack, admin: Visitor) -> None:
    (failed,) = put(operated, GIVEN_UP)
    assert refused(admin, f"/webhooks/deliveries/{failed}/resend") == [403, 403, 403]
    assert refused(admin, "/webhooks/ops/test") == [403, 403, 403]
    kept = plant(operated, partial(deliveries.find, delivery_id=failed))
    assert kept is not None
    assert kept.state is DeliveryState.FAILED


def test_a_limited_key_sees_its_own_webhooks_and_news_alone(operated: Stack) -> None:
    put(operated, GIVEN_UP, {"webhook": None, "url": "https://caller.test/x"})
    (theirs,) = [each["id"] for each in operated.get("/v1/webhooks/deliveries?webhook=ops").json()["items"]]
    with entered(operated, Scope.WRITE, UNUSED) as visitor:
        html = visitor.get("/webhooks").text
        seen = words(html)
        assert "guarded" in seen
        assert "ops.receiver.test" not in html
        assert "that exports brought" not in seen
        assert "Nothing was told yet" in seen
        assert visitor.get(f"/webhooks/deliveries/{theirs}").status_code == 404
        token = {"form_token": visitor.form_token()}
        assert visitor.send("/webhooks/ops/test", token).status_code == 404
        assert visitor.send(f"/webhooks/deliveries/{theirs}/resend", token).status_code == 404


def test_without_a_webhook_the_page_says_how_one_comes_about(front: Stack) -> None:
    with Visitor(front) as visitor:
        visitor.log_in(front.key)
        seen = read(visitor, "/webhooks")
        assert "Nobody is told yet" in seen
        assert "[webhooks.NAME]" in seen


def test_the_overview_tells_of_late_news_whoever_may_know_of_all(operated: Stack, admin: Visitor) -> None:
    put(operated, {"account": "shop-bwp"})
    plant(operated, lambda connection: connection.execute(update(service_tables.deliveries).values(due_at=LONG_AGO)))
    assert "Webhooks are late" in read(admin, "/", "matters")
    with entered(operated, Scope.READ, UNUSED) as other:
        assert "Webhooks are late" not in read(other, "/", "matters")
