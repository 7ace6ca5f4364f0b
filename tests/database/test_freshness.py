"""Promises of how fresh stored files are said to be, on both databases."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, update

from landfall.database import accounts, freshness, gauges, ledger, orphans
from landfall.database.clock import read_clock
from landfall.database.freshness import Freshness
from landfall.database.tables import freshness as table
from landfall.exports.job import Artifact, ExportJob, Fault
from landfall.exports.outcomes import Advanced, GaveUp, Outcome
from landfall.exports.policy import Policy
from landfall.exports.states import State
from landfall.vendors.request import iso_utc
from tests.database.databases import LIMITS
from tests.exports.jobs import make_job
from worker.settlement import write_outcome

FILE = Artifact("file:///x.csv", 10, 1, "0" * 64, ("a",), empty=False, header_hash="h")
EMPTY = Artifact("file:///x.csv", 0, 0, "0" * 64, (), empty=True)
HOUR = timedelta(hours=1)


def ready(connection: Connection, name: str, *, ago: timedelta, **changes: Any) -> ExportJob:
    """An export whose report was ordered now and ends so long ago."""
    now = read_clock(connection)
    request = {"report_type": "USER_EVENTS", "end": iso_utc(now - ago)}
    usual = {"state": State.READY, "created_at": now, "started_at": now, "due_at": now, "request": request}
    job = make_job(**{"id": f"exp_{name}", "request_hash": name, **usual, **changes})
    ledger.accept(connection, [job])
    return job


def settle(connection: Connection, job: ExportJob, outcome: Outcome | None = None) -> None:
    outcome = outcome or Advanced(to=State.STORED, artifact=FILE)
    assert write_outcome(connection, job, outcome, Policy(), seconds=1.0)


def store(connection: Connection, name: str, *, ago: timedelta, **changes: Any) -> ExportJob:
    job = ready(connection, name, ago=ago, **changes)
    settle(connection, job)
    return job


def aim(connection: Connection, targets: dict[str, dict[str, float]]) -> None:
    names = {name: replace(LIMITS[name], freshness=targets[name]) for name in LIMITS if name in targets}
    accounts.register(connection, names)


def kinds(connection: Connection) -> dict[tuple[str, str], Freshness]:
    return {(each.account, each.report_type): each for each in freshness.standings(connection)}


def the_only(connection: Connection) -> Freshness:
    (found,) = freshness.standings(connection)
    return found


def end_of(job: ExportJob) -> datetime:
    return datetime.fromisoformat(job.request["end"])


def test_a_stored_export_says_how_far_its_account_reaches(connection: Connection) -> None:
    job = store(connection, "a", ago=2 * HOUR)
    found = the_only(connection)
    assert (found.account, found.vendor, found.report_type) == ("shop-bwp", "buy_with_prime", "USER_EVENTS")
    assert (found.window_end, found.export_id, found.target, found.met) == (end_of(job), job.id, None, None)
    assert found.stored_at is not None
    assert found.stored_at > end_of(job)
    assert found.age is not None
    assert 7200 <= found.age < 7300


def test_an_empty_report_makes_things_as_fresh_as_any_other(connection: Connection) -> None:
    job = ready(connection, "a", ago=HOUR)
    settle(connection, job, Advanced(to=State.STORED, artifact=EMPTY))
    assert the_only(connection).window_end == end_of(job)


def test_an_export_that_failed_or_orders_anew_makes_nothing_fresher(connection: Connection) -> None:
    fault = Fault("x", "it broke", "Try it again.")
    settle(connection, ready(connection, "a", ago=HOUR), GaveUp(fault))
    settle(connection, ready(connection, "b", ago=HOUR), Advanced(to=State.QUEUED, fault=fault))
    assert freshness.standings(connection) == []


def test_an_old_window_that_is_fetched_again_makes_nothing_fresher(connection: Connection) -> None:
    newest = store(connection, "a", ago=HOUR)
    before = the_only(connection)
    store(connection, "b", ago=24 * HOUR)
    store(connection, "c", ago=HOUR, request=newest.request)
    after = the_only(connection)
    assert (after.window_end, after.stored_at, after.export_id) == (before.window_end, before.stored_at, newest.id)


def test_a_newer_window_takes_the_place_of_the_one_before(connection: Connection) -> None:
    store(connection, "a", ago=24 * HOUR)
    newest = store(connection, "b", ago=HOUR)
    found = the_only(connection)
    assert (found.window_end, found.export_id) == (end_of(newest), newest.id)


def test_an_export_that_moved_on_before_it_was_stored_changes_nothing(connection: Connection) -> None:
    job = ready(connection, "a", ago=HOUR)
    late = replace(job, version=job.version + 1)
    stored = Advanced(to=State.STORED, artifact=FILE)
    assert write_outcome(connection, late, stored, Policy(), seconds=1.0) is None
    assert freshness.standings(connection) == []


def test_what_reaches_into_the_future_is_as_new_as_its_order_and_no_newer(connection: Connection) -> None:
    ordered = read_clock(connection) - 3 * HOUR
    store(connection, "a", ago=-24 * HOUR, created_at=ordered - HOUR, started_at=ordered)
    assert the_only(connection).window_end == ordered


def test_a_report_that_another_export_ordered_is_no_newer_than_that_one(connection: Connection) -> None:
    asked = read_clock(connection) - 5 * HOUR
    first = ready(connection, "a", ago=-24 * HOUR, created_at=asked, started_at=asked, state=State.EXPORTING)
    orphans.record(connection, first, "report-1", now=asked, hold=HOUR)
    store(connection, "b", ago=-24 * HOUR, request=first.request, report_id="report-1")
    assert the_only(connection).window_end == asked


def test_a_target_is_met_until_what_is_stored_is_older(connection: Connection) -> None:
    store(connection, "a", ago=HOUR)
    aim(connection, {"shop-bwp": {"USER_EVENTS": 7200.0}, "shop-ab": {}})
    found = the_only(connection)
    assert (found.target, found.met) == (7200.0, True)
    connection.execute(update(table).values(window_end=read_clock(connection) - 3 * HOUR))
    assert the_only(connection).met is False


def test_a_target_without_anything_stored_is_missed(connection: Connection) -> None:
    aim(connection, {"shop-bwp": {}, "shop-ab": {"orders": 3600.0}})
    found = the_only(connection)
    assert (found.account, found.report_type, found.window_end, found.age) == ("shop-ab", "orders", None, None)
    assert (found.target, found.met, found.stored_at, found.export_id) == (3600.0, False, None, None)


def test_what_is_stored_first_joins_the_target_that_waits_for_it(connection: Connection) -> None:
    aim(connection, {"shop-bwp": {"USER_EVENTS": 7200.0}})
    job = store(connection, "a", ago=HOUR)
    found = the_only(connection)
    assert (found.target, found.met, found.export_id) == (7200.0, True, job.id)


def test_a_target_that_left_the_settings_is_none_and_what_is_stored_stays(connection: Connection) -> None:
    store(connection, "a", ago=HOUR)
    aim(connection, {"shop-bwp": {"USER_EVENTS": 60.0}, "shop-ab": {"orders": 60.0, "order_line_items": 60.0}})
    assert len(kinds(connection)) == 3
    aim(connection, {"shop-bwp": {}, "shop-ab": {"orders": 90.0}})
    found = kinds(connection)
    assert found.keys() == {("shop-bwp", "USER_EVENTS"), ("shop-ab", "orders")}
    assert (found["shop-bwp", "USER_EVENTS"].target, found["shop-bwp", "USER_EVENTS"].met) == (None, None)
    assert found["shop-ab", "orders"].target == 90.0


def test_an_account_that_left_the_settings_is_no_alarm_any_more(connection: Connection) -> None:
    store(connection, "a", ago=HOUR)
    aim(connection, {"shop-bwp": {"USER_EVENTS": 60.0}, "shop-ab": {"orders": 60.0}})
    aim(connection, {"shop-ab": {"orders": 60.0}})
    found = kinds(connection)
    assert found["shop-bwp", "USER_EVENTS"].met is None
    assert found["shop-ab", "orders"].met is False


def test_an_account_stands_with_its_own_kinds_alone(connection: Connection) -> None:
    store(connection, "a", ago=HOUR)
    aim(connection, {"shop-bwp": {}, "shop-ab": {"orders": 60.0, "order_line_items": 60.0}})
    stand = {each.name: [kind.report_type for kind in each.freshness] for each in accounts.stand(connection, LIMITS)}
    assert stand == {"shop-ab": ["order_line_items", "orders"], "shop-bwp": ["USER_EVENTS"]}
    (alone,) = accounts.stand(connection, ["shop-bwp"])
    assert [kind.account for kind in alone.freshness] == ["shop-bwp"]


def test_a_scrape_counts_every_kind(connection: Connection) -> None:
    store(connection, "a", ago=HOUR)
    aim(connection, {"shop-bwp": {}, "shop-ab": {"orders": 60.0}})
    assert [(each.account, each.met) for each in gauges.count(connection).freshness] == [
        ("shop-ab", False),
        ("shop-bwp", None),
    ]
