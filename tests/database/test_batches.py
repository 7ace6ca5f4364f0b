"""Checks what is known of a batch, and when it has finished."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select, update

from landfall.database import accounts, batches, ledger
from landfall.database.clock import read_clock
from landfall.database.reading import Position
from landfall.database.service_tables import batches as batch_rows
from landfall.database.tables import exports
from landfall.exports.job import ExportJob, Fault
from landfall.exports.states import State
from landfall.exports.throttle import AccountLimits
from tests.database import counted
from tests.exports.jobs import NOON, make_job

FAULT = Fault("request_refused", "no such range", "Mend it.")


def _make(connection: Connection, name: str, jobs: Sequence[ExportJob]) -> None:
    batches.create(connection, name, [(job, True) for job in jobs], {"run": name})


def _accept(connection: Connection, count: int, **changes: object) -> list[ExportJob]:
    jobs = [make_job(id=f"exp_{number:03}", **changes) for number in range(count)]
    ledger.accept(connection, jobs)
    return jobs


def _end(connection: Connection, *export_ids: str, state: State = State.STORED) -> None:
    values = {"state": state.value, "finished_at": NOON, "due_at": None}
    fault = {"error_code": FAULT.code, "error_message": FAULT.message, "error_action": FAULT.action}
    ended = update(exports).where(exports.c.id.in_(export_ids))
    connection.execute(ended.values(**values | (fault if state is State.FAILED else {})))


def test_a_batch_counts_its_exports_by_state(connection: Connection) -> None:
    jobs = _accept(connection, 4)
    _make(connection, "bat_1", jobs)
    _end(connection, "exp_001")
    found = batches.find(connection, "bat_1")
    assert found
    assert found.by_state == {State.QUEUED: 3, State.STORED: 1}
    assert (found.requested, found.total, found.progress, found.labels) == (4, 4, 0.25, {"run": "bat_1"})


def test_an_export_that_answers_two_requests_is_counted_once(connection: Connection) -> None:
    job, other = _accept(connection, 2)
    batches.create(connection, "bat_1", [(job, True), (other, True), (job, False)], {})
    found = batches.find(connection, "bat_1")
    assert found
    assert (found.requested, found.total) == (3, 2)


def test_the_first_failures_are_told_in_the_order_of_the_requests(connection: Connection) -> None:
    jobs = _accept(connection, 30)
    _make(connection, "bat_1", jobs[::-1])
    _end(connection, *(job.id for job in jobs), state=State.FAILED)
    found = batches.find(connection, "bat_1")
    assert found
    assert [each.export_id for each in found.failures] == [job.id for job in jobs[::-1]][: batches.MOST_FAILURES]
    assert {(each.code, each.message) for each in found.failures} == {(FAULT.code, FAULT.message)}


def test_a_batch_is_finished_once_when_its_last_export_has_ended(connection: Connection) -> None:
    jobs = _accept(connection, 3)
    _make(connection, "bat_1", jobs)
    _end(connection, "exp_000", "exp_002")
    assert not batches.any_to_finish(connection)
    assert batches.finish(connection) == []
    _end(connection, "exp_001", state=State.CANCELLED)
    assert batches.any_to_finish(connection)
    assert [each.id for each in batches.finish(connection)] == ["bat_1"]
    assert batches.finish(connection) == []
    found = batches.find(connection, "bat_1")
    assert found
    assert found.finished_at


def test_a_batch_whose_export_lives_again_is_finished_again_later(connection: Connection) -> None:
    jobs = _accept(connection, 2)
    _make(connection, "bat_1", jobs)
    _make(connection, "bat_2", jobs[:1])
    _end(connection, *(job.id for job in jobs), state=State.FAILED)
    assert [each.id for each in batches.finish(connection)] == ["bat_1", "bat_2"]
    connection.execute(update(exports).where(exports.c.id == "exp_001").values(state="queued", finished_at=None))
    batches.reopen(connection, ["exp_001"])
    unfinished = select(batch_rows.c.id).where(batch_rows.c.finished_at.is_(None))
    assert connection.execute(unfinished).scalars().all() == ["bat_1"]
    assert batches.finish(connection) == []
    _end(connection, "exp_001")
    assert [each.id for each in batches.finish(connection)] == ["bat_1"]


def test_no_more_batches_than_a_transaction_should_take_are_finished_at_once(connection: Connection) -> None:
    jobs = _accept(connection, 1)
    for number in range(5):
        _make(connection, f"bat_{number}", jobs)
    _end(connection, jobs[0].id)
    assert [[each.id for each in batches.finish(connection, 2)] for _ in range(4)] == [
        ["bat_0", "bat_1"],
        ["bat_2", "bat_3"],
        ["bat_4"],
        [],
    ]


@pytest.mark.parametrize("state", [State.STORED, State.FAILED])
def test_an_archived_export_still_counts(connection: Connection, state: State) -> None:
    jobs = _accept(connection, 2)
    _make(connection, "bat_1", jobs)
    _end(connection, *(job.id for job in jobs), state=state)
    before = batches.finish(connection)
    assert counted.move(connection, ["exp_000"]) == 1
    assert [batches.find(connection, "bat_1")] == before
    assert [failure.export_id for failure in before[0].failures] == (
        ["exp_000", "exp_001"] if state is State.FAILED else []
    )


def test_who_sees_one_account_sees_no_batch_of_another_s_exports(connection: Connection) -> None:
    mine = make_job(id="exp_mine", account="shop-ab")
    other = make_job(id="exp_other", account="shop-bwp")
    ledger.accept(connection, [mine, other])
    _make(connection, "bat_mine", [mine])
    _make(connection, "bat_both", [mine, other])
    _end(connection, "exp_other")
    counted.move(connection, ["exp_other"])
    assert batches.find(connection, "bat_both", {"shop-ab"}) is None
    assert batches.find(connection, "bat_both", {"shop-ab", "shop-bwp"})
    assert [each.id for each in batches.page(connection, None, 10, {"shop-ab"})] == ["bat_mine"]
    assert batches.page(connection, None, 10, set()) == []


@pytest.mark.parametrize("count", [3, 100])
def test_who_sees_some_accounts_lists_each_batch_of_theirs_once_and_in_its_place(
    connection: Connection, count: int
) -> None:
    names = ["shop-ab", "shop-bwp", *(f"shop-{number:03}" for number in range(count - 2))]
    accounts.register(connection, {name: AccountLimits("buy_with_prime", 5) for name in names})
    jobs = [make_job(id=f"exp_{name}", account=name) for name in names]
    ledger.accept(connection, jobs)
    for number, some in enumerate([[0], [0, 1], [1], [0, 2], [2], [2, 1], [0, 1, 2]] * 2):
        _make(connection, f"bat_{number:02}", [jobs[place] for place in some])
    expected = [f"bat_{number:02}" for number in (9, 8, 7, 2, 1, 0)]
    mine = set(names) - {names[2]}
    seen: list[str] = []
    after: Position | None = None
    while found := batches.page(connection, after, 2, mine):
        seen += [each.id for each in found]
        after = Position(found[-1].created_at, found[-1].id)
    assert seen == expected
    assert [batches.find(connection, f"bat_{number:02}", mine) is not None for number in range(7)] == [
        f"bat_{number:02}" in expected for number in range(7)
    ]


def test_a_finished_batch_reads_as_it_ended_until_an_export_of_it_lives_again(connection: Connection) -> None:
    jobs = _accept(connection, 3)
    _make(connection, "bat_1", jobs)
    _end(connection, "exp_000", "exp_001")
    _end(connection, "exp_002", state=State.FAILED)
    (finished,) = batches.finish(connection)
    assert finished.by_state == {State.STORED: 2, State.FAILED: 1}
    assert [batches.find(connection, "bat_1"), *batches.page(connection, None, 5)] == [finished] * 2
    connection.execute(update(exports).where(exports.c.id == "exp_002").values(state="queued", finished_at=None))
    batches.reopen(connection, ["exp_002"])
    again = batches.find(connection, "bat_1")
    assert again
    assert (again.by_state, again.failures, again.finished_at) == ({State.STORED: 2, State.QUEUED: 1}, [], None)


def test_pages_of_batches_follow_each_other_newest_first(connection: Connection) -> None:
    jobs = _accept(connection, 1)
    now = read_clock(connection)
    for number in range(5):
        _make(connection, f"bat_{number}", jobs)
        made = update(batch_rows).where(batch_rows.c.id == f"bat_{number}")
        connection.execute(made.values(created_at=now + timedelta(seconds=number // 2)))
    seen: list[str] = []
    after: Position | None = None
    while found := batches.page(connection, after, 2):
        seen += [each.id for each in found]
        after = Position(found[-1].created_at, found[-1].id)
    assert seen == [f"bat_{number}" for number in (4, 3, 2, 1, 0)]
