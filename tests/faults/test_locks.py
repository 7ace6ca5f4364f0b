"""Rows 8 and 9: a worker that is stopped while it holds the lock that everybody else needs."""

import pytest

from tests.faults.promise import assert_kept
from tests.faults.row import Row
from tests.stack import until

BUILDS = ("--build-mean", "2", "--build-sigma", "0.2")


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
@pytest.mark.faults(8, "worker stopped inside admission, on Postgres", sandbox=BUILDS)
def test_the_others_go_on_when_a_worker_that_holds_an_account_is_stopped(row: Row) -> None:
    workers = row.start_workers(2, f"admission.locked[shop-bwp]=stop@{row.rng.randint(2, 8)}")
    row.submit(60)
    row.until_one_stops(workers)
    until(row.is_over, "the end of all exports without the stopped worker", 150)
    use = slot_use(row)
    row.note(slot_use=f"{use:.2f}")
    row.resume(row.until_one_stops(workers))
    assert_kept(row)
    assert use >= 0.6


def slot_use(row: Row) -> float:
    """How much of its five slots' time the account used, from its first report to its last."""
    reports = row.stack.sandbox.reports()
    span = max(each["finished_at"] for each in reports) - min(each["requested_at"] for each in reports)
    return float(sum(each["build_seconds"] for each in reports) / (5 * span))


@pytest.mark.faults(9, "worker stopped inside BEGIN IMMEDIATE")
def test_while_a_stopped_worker_holds_sqlite_nothing_is_accepted_and_then_all_goes_on(row: Row) -> None:
    workers = row.start_workers(2, f"admission.locked[shop-bwp]=stop@{row.rng.randint(2, 8)}")
    refused = row.submit_until_refused()
    assert (refused.status_code, int(refused.headers["Retry-After"]) > 0) == (503, True)
    row.resume(row.until_one_stops(workers))
    assert_kept(row)
    row.note(refused=refused.status_code)
