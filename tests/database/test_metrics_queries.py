"""Checks that a scrape counts what is there, and costs no more for exports that have ended, on both databases."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection, insert, update

from landfall.database import gauges, ledger, workers
from landfall.database.clock import read_clock
from landfall.database.gauges import AccountGauges
from landfall.database.service_tables import deliveries
from landfall.database.tables import accounts
from landfall.exports.job import ExportJob
from landfall.exports.states import State
from tests.database import many_exports
from tests.database.many_exports import NEWEST
from tests.database.work import Work, measured
from tests.exports.jobs import make_job

_FEW, _MANY = 1000, 8000
_DEEPER = {"postgresql": 60, "sqlite": 3000}
_SCANS = ("SCAN exports", "Seq Scan exports")
QUESTIONS: dict[str, Callable[[Connection], object]] = {
    "everything": gauges.count,
    "the workers": workers.crew,
}


def _live(name: str, **changes: object) -> ExportJob:
    return make_job(id=f"exp_live_{name}", **{"account": "shop-bwp", "created_at": NEWEST, **changes})


def _accept(connection: Connection) -> None:
    now = read_clock(connection)
    queued = [_live(f"q{n}", request_hash=f"q{n}", created_at=now - timedelta(seconds=100 + n)) for n in range(60)]
    states = (State.STARTING, State.EXPORTING, State.READY)
    running = [
        _live(f"r{n}", request_hash=f"r{n}", state=states[n % 3], due_at=now + timedelta(seconds=30 * (n - 3)))
        for n in range(9)
    ]
    ledger.accept(connection, [*queued, *running])


def _account(connection: Connection, name: str) -> AccountGauges:
    return next(each for each in gauges.count(connection).accounts if each.name == name)


def test_an_accounts_gauges_are_what_its_exports_say(connection: Connection) -> None:
    _accept(connection)
    found = _account(connection, "shop-bwp")
    assert found.live == {State.QUEUED: 60, State.STARTING: 3, State.EXPORTING: 3, State.READY: 3}
    assert (found.slots_used, found.slots_limit, found.max_started) == (6, 5, 5)
    assert 159 <= found.oldest_queued < 1000
    assert found.overdue == 4
    assert 90 <= found.oldest_overdue < 1000
    empty = _account(connection, "shop-ab")
    assert (empty.live, empty.slots_used, empty.overdue, empty.oldest_queued) == ({}, 0, 0, 0.0)


def test_a_limit_that_the_vendor_lowered_and_every_gate_show(connection: Connection) -> None:
    now = read_clock(connection)
    later = now + timedelta(minutes=5)
    shut = {"slot_limit": 2.7, "blocked_until": later, "error_code": "refused", "paused_at": now}
    connection.execute(update(accounts).where(accounts.c.name == "shop-bwp").values(**shut))
    found, other = _account(connection, "shop-bwp"), _account(connection, "shop-ab")
    assert (found.slots_limit, found.blocked, found.open, found.paused) == (2, True, True, True)
    assert (other.slots_limit, other.blocked, other.open, other.paused) == (3, False, False, False)


def test_a_block_that_is_over_does_not_show(connection: Connection) -> None:
    connection.execute(update(accounts).values(blocked_until=read_clock(connection) - timedelta(seconds=1)))
    assert not _account(connection, "shop-bwp").blocked


def test_webhooks_that_wait_are_counted_and_those_that_were_sent_are_not(connection: Connection) -> None:
    now = read_clock(connection)
    for number, due in enumerate((now - timedelta(seconds=50), now + timedelta(seconds=50), None)):
        values = {"id": f"msg_{number}", "type": "t", "subject": "s", "payload": "{}", "state": "x", "created_at": now}
        connection.execute(insert(deliveries).values(**values, due_at=due))
    found = gauges.count(connection)
    assert found.webhooks_waiting == 2
    assert 50 <= found.webhooks_late < 1000


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_scrape_costs_no_more_for_ended_exports(connection: Connection, question: str) -> None:
    many_exports.prepare(connection, 4)
    many_exports.fill(connection, 0, _FEW - 1, accounts=4, failed_every=50)
    _accept(connection)
    few = _measured(connection, question)
    many_exports.fill(connection, _FEW, _MANY - 1, accounts=4, failed_every=50)
    many = _measured(connection, question)
    assert many.amount <= 1.5 * few.amount + _DEEPER[connection.dialect.name], (few, many)
    for plan in many.plans:
        assert not any(scan in plan and "USING" not in plan for scan in _SCANS), plan
    if question == "everything":
        assert few.amount, "nothing was measured"


def _measured(connection: Connection, question: str) -> Work:
    if connection.dialect.name == "postgresql":
        many_exports.gather_statistics(connection)
    return measured(connection, QUESTIONS[question])
