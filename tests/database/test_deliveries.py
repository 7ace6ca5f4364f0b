"""Promises of the outbox: what is claimed, for how long, and what a late word changes."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection, insert, select, update

from landfall.database import deliveries, ledger, news, service_tables
from landfall.database import tables as t
from landfall.database.clock import read_clock
from landfall.database.deliveries import Delivery, DeliveryState, Receivers
from landfall.database.delivery_lists import DeliveryFilter, page, stand
from landfall.database.reading import Position
from landfall.database.rows import event_row
from landfall.exports.settling import Event
from tests.database.work import measured
from tests.exports.jobs import make_job

LEASE = timedelta(seconds=30)
OPS = Receivers(frozenset({"ops"}), callbacks=False)


def put(connection: Connection, *webhooks: str | None, account: str | None = "shop-bwp") -> list[Delivery]:
    now = read_clock(connection)
    new = [
        Delivery(
            id=deliveries.new_id(),
            webhook=webhook,
            url=None if webhook else "https://example.com/hook?export=1",
            type="export.stored",
            subject="exp_1",
            account=account,
            payload="{}",
            created_at=now + timedelta(microseconds=1000 * number),
            due_at=now,
        )
        for number, webhook in enumerate(webhooks)
    ]
    deliveries.add(connection, new)
    return new


def claim(connection: Connection, receivers: Receivers = OPS) -> Sequence[Delivery]:
    found = deliveries.look(connection, receivers, 100)
    return deliveries.claim(connection, [each.id for each in found], LEASE)[0]


def settle(connection: Connection, claimed: Delivery, outcome: DeliveryState, wait: float = 0.0) -> bool:
    return deliveries.settle(connection, claimed, outcome, wait=wait, status=200, error=None)


def test_what_is_claimed_is_claimed_by_nobody_else_until_the_lease_is_over(connection: Connection) -> None:
    (new,) = put(connection, "ops")
    (claimed,) = claim(connection)
    assert claimed.id == new.id
    assert not claim(connection)
    assert not deliveries.claim(connection, [new.id], LEASE)[0]
    assert not deliveries.any_due(connection)
    connection.execute(update(service_tables.deliveries).values(due_at=read_clock(connection) - timedelta(seconds=1)))
    assert [each.id for each in claim(connection)] == [new.id]


def test_a_worker_whose_lease_was_over_changes_nothing(connection: Connection) -> None:
    put(connection, "ops")
    (first,) = claim(connection)
    connection.execute(update(service_tables.deliveries).values(due_at=read_clock(connection) - timedelta(seconds=1)))
    (second,) = claim(connection)
    assert not settle(connection, first, DeliveryState.DELIVERED)
    assert not deliveries.hand_back(connection, first)
    assert settle(connection, second, DeliveryState.FAILED)
    assert not settle(connection, second, DeliveryState.DELIVERED)
    found = deliveries.find(connection, first.id)
    assert found
    assert (found.state, found.attempts, found.due_at) == (DeliveryState.FAILED, 1, None)


def test_what_is_put_off_is_due_later(connection: Connection) -> None:
    put(connection, "ops")
    (claimed,) = claim(connection)
    assert settle(connection, claimed, DeliveryState.PENDING, 60.0)
    found = deliveries.find(connection, claimed.id)
    assert found
    assert found.due_at
    assert found.due_at - read_clock(connection) > timedelta(seconds=30)
    assert (found.attempts, found.finished_at) == (1, None)


def test_what_is_handed_back_is_due_at_once(connection: Connection) -> None:
    put(connection, "ops")
    (claimed,) = claim(connection)
    assert deliveries.hand_back(connection, claimed)
    assert [each.id for each in claim(connection)] == [claimed.id]


def test_what_is_sent_again_begins_anew_under_its_id(connection: Connection) -> None:
    put(connection, "ops")
    (claimed,) = claim(connection)
    settle(connection, claimed, DeliveryState.DELIVERED)
    assert deliveries.send_again(connection, claimed.id)
    (again,) = claim(connection)
    assert (again.id, again.attempts, again.state) == (claimed.id, 0, DeliveryState.PENDING)
    assert deliveries.send_again(connection, "msg_none") is None


def test_only_open_receivers_are_claimed_for(connection: Connection) -> None:
    put(connection, "ops", "other", None)
    ops, other, callback = "ops", "other", None
    for receivers, expected in (
        (Receivers(frozenset(), callbacks=False), set()),
        (Receivers(frozenset({"ops"}), callbacks=True, but=frozenset({"https://example.com"})), {ops}),
        (Receivers(frozenset({"other"}), callbacks=True, but=frozenset({"https://example.org"})), {other, callback}),
    ):
        assert {each.webhook for each in claim(connection, receivers)} == expected


def test_only_what_is_for_nobody_that_is_known_is_given_up_when_it_is_overdue(connection: Connection) -> None:
    put(connection, "ops", "other", None)
    due_at = read_clock(connection) - timedelta(days=2)
    overdue = update(service_tables.deliveries).values(state="pending", due_at=due_at, error=None)
    for known, expected in (
        (Receivers(frozenset({"ops", "other"}), callbacks=True), set()),
        (Receivers(frozenset({"ops"}), callbacks=True), {"other"}),
        (Receivers(frozenset({"ops"}), callbacks=False), {"other", None}),
        (Receivers(frozenset(), callbacks=True), {"ops", "other"}),
        (Receivers(frozenset(), callbacks=False), {"ops", "other", None}),
    ):
        connection.execute(overdue)
        assert deliveries.fail_forgotten(connection, known, timedelta(days=3), "nobody sends it", 9) == 0
        assert deliveries.fail_forgotten(connection, known, timedelta(days=1), "nobody sends it", 9) == len(expected)
        failed = DeliveryFilter(state=DeliveryState.FAILED)
        assert {each.webhook for each in page(connection, failed, None, 9)} == expected


def test_a_list_goes_on_where_the_page_before_ended(connection: Connection) -> None:
    new = put(connection, *["ops"] * 5, None)
    seen: list[str] = []
    after = None
    while found := page(connection, DeliveryFilter(), after, 2):
        seen += [each.id for each in found]
        after = Position(found[-1].created_at, found[-1].id)
    assert seen == [each.id for each in reversed(new)]
    assert [each.id for each in page(connection, DeliveryFilter(webhook="callback"), None, 9)] == [new[-1].id]
    assert len(page(connection, DeliveryFilter(webhook="ops", subject="exp_1", accounts={"shop-bwp"}), None, 9)) == 5
    assert not page(connection, DeliveryFilter(accounts={"shop-ab"}), None, 9)
    assert not page(connection, DeliveryFilter(state=DeliveryState.FAILED), None, 9)


def test_a_webhook_s_standing_tells_its_backlog_and_its_last_results(connection: Connection) -> None:
    put(connection, "ops", "ops", "ops", None)
    first, second, _ = claim(connection)
    settle(connection, first, DeliveryState.DELIVERED)
    deliveries.settle(connection, second, DeliveryState.FAILED, wait=0, status=410, error="gone")
    found = stand(connection)
    assert set(found) == {"ops", "callback"}
    ops = found["ops"]
    assert ops.pending == 1
    assert ops.last_delivered
    assert ops.last_refused
    assert (ops.last_delivered.id, ops.last_refused.id) == (first.id, second.id)


def test_to_look_for_news_takes_no_longer_for_all_the_events_that_were_told(connection: Connection) -> None:
    jobs = [make_job(id=f"exp_{number}", request_hash=str(number)) for number in range(300)]
    ledger.accept(connection, jobs)
    connection.execute(insert(t.events), [_told(job.id, number) for job in jobs for number in range(10)])
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ANALYZE events")
    looked = measured(connection, news.any_untold)
    assert "ix_events_untold" in " ".join(looked.plans)
    assert looked.amount < 100


def test_to_take_news_takes_no_longer_for_all_that_is_told_later(connection: Connection) -> None:
    jobs = [make_job(id=f"exp_{number}", request_hash=str(number)) for number in range(300)]
    ledger.accept(connection, jobs)
    ends = [_told(job.id, number) | {"untold": True} for number in range(10) for job in jobs]
    connection.execute(insert(t.events), ends)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ANALYZE events")
    looked = measured(connection, partial(news.take, limit=5))
    assert "ix_events_untold" in looked.plans[0]
    assert looked.amount < 1000


def test_due_deliveries_are_found_by_when_they_are_due(connection: Connection) -> None:
    put(connection, *["ops"] * 2000)
    connection.execute(update(service_tables.deliveries).values(due_at=None, state="delivered"))
    put(connection, "ops")
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ANALYZE deliveries")
    looked = measured(connection, deliveries.any_due)
    assert "ix_deliveries_due" in " ".join(looked.plans)


def test_news_is_taken_once_and_in_order(connection: Connection) -> None:
    jobs = [make_job(id=f"exp_{number}", request_hash=str(number)) for number in range(3)]
    ledger.accept(connection, jobs)
    told = [event_row(job, Event("end", None, 0), job.created_at, untold=True) for job in jobs]
    connection.execute(insert(t.events), told)
    assert [each.job.id for each in news.take(connection, 2)] == ["exp_0", "exp_1"]
    assert news.any_untold(connection)
    assert news.drop(connection, 5) == 1
    assert not news.take(connection, 2)
    assert connection.execute(select(t.events.c.id).where(t.events.c.untold)).first() is None


def _told(export_id: str, number: int) -> dict[str, object]:
    return event_row(make_job(id=export_id), Event("again", None, number), make_job().created_at)
