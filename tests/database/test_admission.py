"""Checks the throttle: slots are counted from rows, never overrun, never left idle."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

from sqlalchemy import Connection

from landfall.database import accounts, admission, ledger
from landfall.database.opening import open_database
from landfall.exports.throttle import AccountLimits
from landfall.settings import Settings
from tests.asynchronous import run
from tests.database.databases import LIMITS
from tests.exports.jobs import NOON, make_job


def enqueue(connection: Connection, count: int, **changes: object) -> None:
    for n in range(count):
        ledger.accept(connection, [make_job(**{"id": f"exp_{n:03}", **changes})])


def test_no_more_than_the_limit_is_admitted(connection: Connection) -> None:
    enqueue(connection, 8)
    assert len(admission.admit_next(connection, "shop-bwp")) == 5
    assert admission.admit_next(connection, "shop-bwp") == []


def test_the_queue_goes_by_priority_then_age(connection: Connection) -> None:
    for name, priority, age in (("old", 0, 3), ("young", 0, 1), ("urgent", 9, 0), ("idle", -1, 9)):
        job = make_job(id=name, account="shop-ab", priority=priority, created_at=NOON - timedelta(hours=age))
        ledger.accept(connection, [job])
    assert [job.id for job in admission.admit_next(connection, "shop-ab")] == ["urgent", "old", "young"]


def test_accounts_do_not_wait_for_each_other(connection: Connection) -> None:
    enqueue(connection, 8)
    ledger.accept(connection, [make_job(id="mine", account="shop-ab")])
    admission.admit_next(connection, "shop-bwp")
    assert [job.id for job in admission.admit_next(connection, "shop-ab")] == ["mine"]


def test_a_raised_limit_is_filled_and_a_lowered_one_takes_nobodys_slot(connection: Connection) -> None:
    enqueue(connection, 9)
    admission.admit_next(connection, "shop-bwp")
    accounts.register(connection, {"shop-bwp": AccountLimits("buy_with_prime", 2)})
    assert admission.accounts_with_room(connection) == []
    assert admission.admit_next(connection, "shop-bwp") == []
    accounts.register(connection, {"shop-bwp": AccountLimits("buy_with_prime", 7)})
    assert admission.accounts_with_room(connection) == ["shop-bwp"]
    assert len(admission.admit_next(connection, "shop-bwp")) == 2


def test_the_slots_of_an_account_can_be_looked_at(connection: Connection) -> None:
    enqueue(connection, 8)
    admission.admit_next(connection, "shop-bwp")
    found = accounts.stand(connection, ["shop-bwp"])
    assert [(each.name, each.slots_used, each.throttle.slots, each.queued) for each in found] == [("shop-bwp", 5, 5, 3)]


def waiting_before(connection: Connection, tenant: str, account: str = "shop-ab") -> int:
    """How many exports are admitted before the tenant's first one."""
    for place in range(10_000):
        accounts.register(connection, {account: AccountLimits("intelligems", place + 1)})
        admitted = admission.admit_next(connection, account)
        if not admitted or admitted[0].tenant == tenant:
            return place
    raise AssertionError("never admitted")


def test_one_callers_flood_does_not_starve_another(connection: Connection) -> None:
    flood = [make_job(id=f"flood_{n:05}", account="shop-ab", tenant="flood") for n in range(10_000)]
    ledger.accept(connection, flood)
    assert waiting_before(connection, "flood") == 0
    ledger.accept(connection, [make_job(id=f"small_{n}", account="shop-ab", tenant="small") for n in range(10)])
    order = ledger.find_queued(connection, "shop-ab", 20)
    assert [job.tenant for job in order].count("small") == 10
    assert waiting_before(connection, "small") <= 2


def test_tenants_share_by_their_weights(connection: Connection) -> None:
    limits = AccountLimits("intelligems", 1, tenant_weights={"heavy": 3.0})
    accounts.register(connection, {"shop-ab": limits})
    for tenant in ("light", "heavy"):
        ledger.accept(connection, [make_job(id=f"{tenant}_{n}", account="shop-ab", tenant=tenant) for n in range(40)])
    first = [job.tenant for job in ledger.find_queued(connection, "shop-ab", 40)]
    assert 28 <= first.count("heavy") <= 32


def test_without_tenants_the_queue_goes_by_age(connection: Connection) -> None:
    for number in range(6):
        ledger.accept(connection, [make_job(id=f"exp_{9 - number}", account="shop-ab")])
    order = [job.id for job in ledger.find_queued(connection, "shop-ab", 6)]
    assert order == [f"exp_{9 - number}" for number in range(6)]


def test_a_bucket_lets_through_its_burst_and_no_more(connection: Connection) -> None:
    limits = AccountLimits("intelligems", 50, rate_burst=3, rate_refill=0.0001)
    accounts.register(connection, {"shop-ab": limits})
    ledger.accept(connection, [make_job(id=f"exp_{n}", account="shop-ab") for n in range(9)])
    assert len(admission.admit_next(connection, "shop-ab")) == 3
    assert admission.admit_next(connection, "shop-ab") == []


def test_many_admissions_at_once_never_overrun_the_limit(database_url: str) -> None:
    async def race() -> list[int]:
        settings = Settings(database_url=database_url)
        async with AsyncExitStack() as stack:
            databases = [await stack.enter_async_context(open_database(settings, for_steps=True)) for _ in range(4)]
            await databases[0].write(lambda connection: accounts.register(connection, LIMITS))
            await databases[0].write(lambda connection: enqueue(connection, 30))
            admissions = [
                each.write(lambda connection: len(admission.admit_next(connection, "shop-bwp")))
                for each in databases * 4
            ]
            return await asyncio.gather(*admissions)

    assert sum(run(race())) == 5
