"""Rows 63 and 64: a client that asks again and again, and a tenant who floods an account."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from sqlalchemy import Connection, delete, select

from landfall.database import ledger
from landfall.database.opening import open_database
from landfall.database.tables import exports
from landfall.exports.job import ExportJob
from landfall.exports.states import State
from landfall.settings import Settings
from tests.asynchronous import run
from tests.faults.promise import assert_kept
from tests.faults.row import BOTH, Row
from tests.stack import until

T = TypeVar("T")
REPEATS = 10
FLOOD = 10_000
OTHERS = 5
REQUEST = {"report_type": "USER_EVENTS", "start": "2026-01-01", "end": "2026-01-02"}


@pytest.mark.parametrize("database_url", BOTH, indirect=True)
@pytest.mark.faults(63, f"{REPEATS} parallel POSTs of one request")
def test_parallel_posts_of_one_request_make_one_export(row: Row) -> None:
    """There is no Idempotency-Key yet: what holds the POSTs together is that their export is in flight."""
    body = {"account": "shop-bwp", "request": REQUEST}
    for _ in range(REPEATS - 1):
        row.inject("repeated POST")
    with ThreadPoolExecutor(REPEATS) as clients:
        answers = list(clients.map(lambda _: row.stack.post("/v1/exports", json=body), range(REPEATS)))
    assert sorted(answer.status_code for answer in answers) == [200] * (REPEATS - 1) + [202]
    row.accepted = sorted({answer.json()["id"] for answer in answers})
    row.start_workers(2)
    assert_kept(row, injected=REPEATS - 1)
    listed = row.stack.get("/v1/exports").json()["items"]
    assert (len(row.accepted), len(listed), row.starts()) == (1, 1, 1)
    row.note(jobs=len(listed))


def flood(connection: Connection) -> None:
    now = datetime.now(UTC)
    ledger.accept(connection, [_of_flood(number, now) for number in range(FLOOD)])


def _of_flood(number: int, now: datetime) -> ExportJob:
    return ExportJob(
        id=f"exp_flood_{number:05}",
        account="shop-bwp",
        vendor="buy_with_prime",
        report_type="USER_EVENTS",
        request={"report_type": "USER_EVENTS", "start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"},
        request_hash=f"flood {number}",
        created_at=now,
        deadline=timedelta(hours=12),
        tenant="flood",
        labels={"tenant": "flood"},
    )


def drain(connection: Connection) -> Sequence[str]:
    """Drop what is still queued of the flood: the others' wait is known by then. Returns what was admitted of it."""
    of_flood = exports.c.tenant == "flood"
    connection.execute(delete(exports).where(of_flood, exports.c.state == State.QUEUED.value))
    return connection.execute(select(exports.c.id).where(of_flood)).scalars().all()


@pytest.mark.parametrize("database_url", BOTH, indirect=True)
@pytest.mark.faults(
    64, f"{FLOOD} exports queued by one tenant", sandbox=["--build-mean", "1.5", "--build-sigma", "0.2"]
)
def test_a_tenant_who_floods_the_account_makes_another_wait_for_two_slot_times_at_most(
    row: Row, database_url: str
) -> None:
    async def write(work: Callable[[Connection], T]) -> T:
        async with open_database(Settings(home=row.stack.home, database_url=database_url)) as database:
            return await database.write(work)

    run(write(flood))
    row.inject(f"{FLOOD} exports")
    row.start_workers(2)
    until(lambda: row.account()["slots_used"] == 5, "every slot taken by the flood")
    until(lambda: row.starts() > 5, "a queue that moves")
    for _ in range(OTHERS):
        (id_,) = row.submit(labels={"tenant": "other"})
        until(lambda id_=id_: "admit" in row.kinds(id_), "a slot for the other tenant")  # type: ignore[misc]  # mypy does not infer a lambda with a default
    others = list(row.accepted)
    row.accepted += run(write(drain))
    assert_kept(row)
    slot_time = sum(held(row, id_) for id_ in row.accepted) / len(row.accepted)
    longest = max(moment(row, id_, "admit") - moment(row, id_, "accept") for id_ in others)
    row.note(slot_time=f"{slot_time:.2f} s", longest_wait=f"{longest / slot_time:.2f} slot times")
    assert longest <= 2 * slot_time


def held(row: Row, id_: str) -> float:
    """Seconds for which the export had its slot."""
    return moment(row, id_, "poll") - moment(row, id_, "admit")


def moment(row: Row, id_: str, kind: str) -> float:
    at = next(event["at"] for event in row.stack.events(id_) if event["kind"] == kind)
    return datetime.fromisoformat(at).timestamp()
