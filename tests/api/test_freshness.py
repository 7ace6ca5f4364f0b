"""Checks how fresh stored files are said to be, on both databases, while no worker runs."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, delete, update

from landfall.database import freshness, ledger, tables
from landfall.database.clock import read_clock
from landfall.database.keys import Scope
from landfall.database.opening import open_database
from landfall.exports.job import ExportJob
from landfall.exports.states import State
from landfall.settings import Settings
from tests.api.conftest import NOWHERE
from tests.asynchronous import run
from tests.exports.jobs import make_job
from tests.exposed import Exposed
from tests.services.postgres import Postgres
from tests.stack import Stack, new_key, run_stack, until
from tests.vendors.sandbox_process import Sandbox

TARGET = 'freshness = { USER_EVENTS = "PT36H" }\n'
EVENTS = {"account": "shop-bwp", "vendor": "buy_with_prime", "report_type": "USER_EVENTS"}
HOUR = timedelta(hours=1)
T = TypeVar("T")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An API over an account with a target, shop-bwp, and one without."""
    vendors = Sandbox(f"{NOWHERE}/intelligems", f"{NOWHERE}/buywithprime", f"{NOWHERE}/_sandbox")
    settings = {}
    if request.param == "postgres":
        server: Postgres = request.getfixturevalue("postgres")
        settings["LANDFALL_DATABASE_URL"] = server.new_database(request.getfixturevalue("postgres_template"))
    with run_stack(tmp_path_factory.mktemp("freshness") / "home", vendors, TARGET, settings) as stack:
        stack.start_api()
        yield stack


@pytest.fixture
def stack(house: Stack) -> Stack:
    """The API, as if nothing had been stored yet."""

    def forget(connection: Connection) -> None:
        connection.execute(delete(tables.freshness).where(tables.freshness.c.target_seconds.is_(None)))
        nothing = dict.fromkeys(("window_end", "stored_at", "export_id"))
        connection.execute(update(tables.freshness).values(**nothing))
        connection.execute(delete(tables.exports))

    write(house, forget)
    return house


def database(stack: Stack) -> Settings:
    return Settings(home=stack.home, database_url=stack.settings.get("LANDFALL_DATABASE_URL", ""))


def write(stack: Stack, work: Callable[[Connection], T]) -> T:
    async def go() -> T:
        async with open_database(database(stack)) as opened:
            return await opened.write(work)

    return run(go())


def store(stack: Stack, account: str, report_type: str, ago: timedelta) -> ExportJob:
    """An export that ordered its report so long ago and is stored now."""

    def work(connection: Connection) -> ExportJob:
        now = read_clock(connection)
        moments = dict.fromkeys(("created_at", "started_at", "finished_at"), now - ago)
        name = f"exp_{report_type}_{ago.total_seconds():g}"
        job = make_job(id=name, account=account, report_type=report_type, state=State.STORED, **moments)
        ledger.accept(connection, [job])
        freshness.note_stored(connection, job, now=now)
        return job

    return write(stack, work)


def shown(stack: Stack, key: str | None = None) -> dict[str, list[dict[str, Any]]]:
    """What each account says."""
    answer = stack.get("/v1/accounts", headers={"authorization": f"Bearer {key or stack.key}"})
    return {each["name"]: each["freshness"] for each in answer.json()["items"]}


def scraped(stack: Stack, met: float, key: str | None = None) -> Exposed:
    """A scrape in which shop-bwp's target is met or not; one may tell what was true a second ago."""

    def look() -> Exposed | None:
        found = Exposed(stack.get("/metrics").text)
        return found if found.one("landfall_freshness_met", **EVENTS) == met else None

    until(look, f"a scrape with the target {'met' if met else 'missed'}")
    return Exposed(stack.get("/metrics", headers={"authorization": f"Bearer {key or stack.key}"}).text)


def test_a_target_without_anything_stored_is_missed_and_has_no_age(stack: Stack) -> None:
    nothing = dict.fromkeys(("window_end", "age_seconds", "stored_at", "export_id"))
    missed = nothing | {"report_type": "USER_EVENTS", "target_seconds": 129_600.0, "met": False}
    assert shown(stack) == {"shop-ab": [], "shop-bwp": [missed]}
    exposed = scraped(stack, met=0)
    assert exposed.one("landfall_freshness_target_seconds", **EVENTS) == 129_600
    with pytest.raises(AssertionError):
        exposed.one("landfall_freshness_age_seconds", **EVENTS)


def test_what_is_stored_meets_its_target(stack: Stack) -> None:
    job = store(stack, "shop-bwp", "USER_EVENTS", 2 * HOUR)
    store(stack, "shop-bwp", "USER_EVENTS", 40 * HOUR)
    (told,) = shown(stack)["shop-bwp"]
    assert (told["export_id"], told["met"], told["target_seconds"]) == (job.id, True, 129_600.0)
    assert datetime.fromisoformat(told["window_end"]) == job.started_at
    assert datetime.fromisoformat(told["stored_at"]) > datetime.fromisoformat(told["window_end"])
    assert 7200 <= told["age_seconds"] < 7500
    assert 7200 <= scraped(stack, met=1).one("landfall_freshness_age_seconds", **EVENTS) < 7500


def test_what_is_older_than_its_target_misses_it(stack: Stack) -> None:
    store(stack, "shop-bwp", "USER_EVENTS", 40 * HOUR)
    (told,) = shown(stack)["shop-bwp"]
    assert (told["met"], told["age_seconds"] > told["target_seconds"]) == (False, True)
    exposed = scraped(stack, met=0)
    age, target = (exposed.one(f"landfall_freshness_{name}_seconds", **EVENTS) for name in ("age", "target"))
    assert age > target


def test_a_kind_without_a_target_has_an_age_and_nothing_to_meet(stack: Stack) -> None:
    job = store(stack, "shop-ab", "orders", 50 * HOUR)
    (told,) = shown(stack)["shop-ab"]
    assert (told["export_id"], told["target_seconds"], told["met"]) == (job.id, None, None)
    of_orders = {"account": "shop-ab", "vendor": "intelligems", "report_type": "orders"}

    def look() -> Exposed | None:
        found = Exposed(stack.get("/metrics").text)
        return found if "orders" in found.values("report_type") else None

    exposed = until(look, "a scrape with the orders' age")
    assert exposed.one("landfall_freshness_age_seconds", **of_orders) >= 180_000
    for name in ("target_seconds", "met"):
        assert exposed.total(f"landfall_freshness_{name}", account="shop-ab") == 0


def test_a_key_that_is_limited_sees_the_freshness_of_its_accounts_alone(stack: Stack) -> None:
    store(stack, "shop-ab", "orders", HOUR)
    key = new_key(database(stack), Scope.READ, frozenset({"shop-bwp"}))
    assert shown(stack, key).keys() == {"shop-bwp"}
    exposed = scraped(stack, met=0, key=key)
    assert (exposed.values("account"), exposed.values("report_type")) == ({"shop-bwp"}, {"USER_EVENTS"})


def test_an_account_that_is_paused_says_how_fresh_it_is_too(stack: Stack) -> None:
    for verb in ("pause", "resume"):
        (told,) = stack.post(f"/v1/accounts/shop-bwp/{verb}").json()["freshness"]
        assert (told["report_type"], told["met"]) == ("USER_EVENTS", False)
