"""Tells whether all goes on once what was away is back."""

import time

from tests.faults.client import PatientClient
from tests.faults.moving import longest_rest
from tests.faults.promise import assert_kept
from tests.faults.row import Row


def assert_nobody_ended(row: Row) -> None:
    assert [process.poll() for process in row.stack.processes] == [None] * len(row.stack.processes)


def assert_all_goes_on(row: Row, client: PatientClient, met: list[str]) -> None:
    """To be called as soon as it is back; `met` are the exports that were under way when it went."""
    since = time.time()
    row.moments = [since]
    client.finish(row)
    assert_kept(row)
    assert_nobody_ended(row)
    rest = longest_rest(row, met, since)
    row.note(each_moved_in=f"{rest:.1f} s", refused=client.answers[503])
    assert rest <= 20
