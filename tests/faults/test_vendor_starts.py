"""Rows 37 and 38: starts and questions whose answers never come, or break off."""

import pytest

from tests.faults.row import Row
from tests.faults.vendor_cases import accounts_of, assert_survived, break_it, client_of, codes
from tests.stack import until

IMPATIENT = accounts_of(["impatient"], "request_timeout = 1")
# The report of a start whose answer was lost is built while its slot is held.
LONG_BUILDS = ("--build-mean", "3", "--build-sigma", "0.01")
HOLD = {"LANDFALL_LOST_START_SECONDS": "6"}
ASKED = ("start", "poll", "link", "token")


@pytest.mark.faults(
    37, "no answer in time after a start was taken", sandbox=LONG_BUILDS,
    accounts=IMPATIENT["accounts"], settings=IMPATIENT["settings"] | HOLD,
)  # fmt: skip
def test_the_slot_of_a_start_that_is_not_answered_in_time_is_held(row: Row) -> None:
    break_it(row, "impatient", "slow_answer", operation="start", seconds=60)
    row.start_workers(2)
    row.victims = row.submit(account="impatient")
    until(lambda: "sent back" in row.kinds(row.victims[0]), "the start sent back")
    row.submit(6, account="impatient")
    figures = assert_survived(row)
    assert figures.most_started == 5
    assert codes(row, row.victims[0]) == {"answer_lost"}
    assert row.starts() == len(row.accepted) + 1
    row.note(orphans=1)


CASES = accounts_of([*ASKED])


@pytest.mark.faults(
    38, "reset in the middle of an answer", sandbox=LONG_BUILDS,
    accounts=CASES["accounts"], settings=CASES["settings"] | HOLD,
)  # fmt: skip
def test_an_answer_that_breaks_off_is_unknown_and_costs_no_slot_too_many(row: Row) -> None:
    for name in ASKED:
        break_it(row, name, "odd_answer", operation=name, body="cut")
    row.stack.sandbox.fault("odd_answer", vendor="intelligems", body="cut")
    row.start_workers(2)
    ids = {name: row.submit(account=name)[0] for name in ASKED}
    row.submit(account="shop-ab")
    until(lambda: "sent back" in row.kinds(ids["start"]), "the start sent back")
    row.submit(6, account="start")
    figures = assert_survived(row, injected=len(ASKED) + 1)
    assert figures.most_started == 5
    found = {name: codes(row, id_) for name, id_ in ids.items()}
    assert found == {name: {"answer_lost" if name != "token" else "vendor_unreachable"} for name in ASKED}
    starts = {
        name: sum(call["operation"] == "start" for call in row.calls() if call["account"] == client_of(name))
        for name in ASKED
    }
    assert starts == {"start": 8, "poll": 1, "link": 1, "token": 1}
    assert row.stack.sandbox.stats()["starts"]["intelligems"] == 1
    row.note(orphans=1)
