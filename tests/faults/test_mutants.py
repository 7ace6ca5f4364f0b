"""Spoils what keeps the promise, and sees that the rows notice: a suite that nothing fails proves nothing."""

import pytest

from tests.faults.promise import measure
from tests.faults.row import Row
from tests.faults.test_workers import LONG_BUILDS, kill_between_acceptance_and_row, stop_beyond_the_lease
from tests.stack import until


def check_spoiled(row: Row) -> None:
    assert (row.marks / "mutant").exists(), "the mutant did not take hold"


@pytest.mark.faults(7, "worker stopped beyond its lease", mutant="no_fence")
def test_without_the_fence_the_same_export_is_published_twice(row: Row) -> None:
    stop_beyond_the_lease(row, "download.published")
    (id_,) = row.accepted
    until(lambda: row.kinds(id_).count("download") > 1, "the late result in the timeline")
    check_spoiled(row)
    assert measure(row).twice == 1


@pytest.mark.faults(2, "worker killed after the vendor accepted", mutant="no_hold", **LONG_BUILDS)
def test_without_the_hold_of_lost_starts_more_reports_are_started_than_allowed(row: Row) -> None:
    kill_between_acceptance_and_row(row)
    figures = measure(row)
    check_spoiled(row)
    assert figures.most_started == 6
