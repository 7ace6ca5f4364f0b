"""Rows 39, 40, 41 and 45: answers with 200 that are not what was asked for."""

import pytest

from tests.faults.memory import watched
from tests.faults.row import Row
from tests.faults.vendor_cases import accounts_of, assert_survived, break_it, codes, endings
from tests.stack import until

ASKED = ("start", "poll", "link")
# What an error means at each call: the code on the way, and whether the export fails with it.
MEANINGS = {
    "ThrottlingException": {"start": "throttled", "poll": "rate_limited", "link": "rate_limited"},
    "ResourceNotFoundException": {"start": "request_refused", "poll": "report_lost", "link": "report_lost"},
    "ValidationException": dict.fromkeys(ASKED, "request_refused"),
    "AccessDeniedException": dict.fromkeys(ASKED, "credentials_refused"),
    "InternalServerException": {"start": "answer_lost", "poll": "vendor_unavailable", "link": "vendor_unavailable"},
    "OddException": {"start": "answer_lost", "poll": "vendor_unavailable", "link": "vendor_unavailable"},
    "data_null": dict.fromkeys(ASKED, "answer_lost"),
    "fields_null": dict.fromkeys(ASKED, "answer_lost"),
}
FINAL = {"request_refused", "credentials_refused"}
CLASSES = {
    f"{operation}-{body.lower().replace('_', '-')}": (operation, body, code)
    for body, meant in MEANINGS.items()
    for operation, code in meant.items()
}
FEW = ("list", "truncated", "empty", "page", "nested")
GARBAGE = {f"{operation}-{body}": (operation, body) for body in FEW for operation in (*ASKED, "token")}
MEGABYTE = 1_000_000


@pytest.mark.faults(39, "200 with GraphQL errors, null data", **accounts_of(CLASSES))
def test_errors_that_come_with_200_are_taken_for_what_their_type_says(row: Row) -> None:
    for name, (operation, body, _) in CLASSES.items():
        fault = "odd_answer" if body.endswith("_null") else "graphql_error"
        break_it(row, name, fault, operation=operation, body=body)
    row.start_workers(2)
    ids = {name: row.submit(account=name)[0] for name in CLASSES}
    failed = {ids[name]: code for name, (_, _, code) in CLASSES.items() if code in FINAL}
    assert_survived(row, failed=failed, injected=len(CLASSES))
    found = {name: codes(row, id_) for name, id_ in ids.items()}
    right = sum(found[name] == {code} for name, (_, _, code) in CLASSES.items())
    row.note(right=f"{right} of {len(CLASSES)}")
    assert found == {name: {code} for name, (_, _, code) in CLASSES.items()}


@pytest.mark.faults(40, "garbage, truncated and 50 MB of JSON", **accounts_of([*GARBAGE, "fresh"]))
def test_answers_that_cannot_be_read_are_unknown_and_take_no_memory(row: Row) -> None:
    for name, (operation, body) in GARBAGE.items():
        break_it(row, name, "odd_answer", operation=operation, body=body)
    (worker,) = row.start_workers(1)
    ids = {name: row.submit(account=name)[0] for name in GARBAGE}
    row.submit(account="shop-ab")
    row.until_over()
    with watched(worker.pid) as memory:
        for operation in ASKED:
            row.stack.sandbox.fault("odd_answer", operation=operation, body="huge", vendor="buy_with_prime")
            row.submit()
            row.until_over()
        row.stack.sandbox.fault("odd_answer", operation="start", body="huge", vendor="intelligems")
        row.submit(account="shop-ab")
        break_it(row, "fresh", "odd_answer", operation="token", body="huge")
        row.submit(account="fresh")
        row.until_over()
    assert_survived(row, injected=len(GARBAGE) + 5)
    assert row.stack.sandbox.stats()["faults"] == {"odd_answer": len(GARBAGE) + 5}
    assert set().union(*(codes(row, id_) for id_ in row.accepted)) <= {
        "answer_lost", "vendor_unavailable", "vendor_unreachable",
    }  # fmt: skip
    assert endings(row, ids) == dict.fromkeys(ids, "stored")
    row.note(rss=f"+{memory.more / MEGABYTE:.1f} MB")
    assert memory.more < 20 * MEGABYTE


@pytest.mark.faults(41, "unknown status, status that goes back", **accounts_of(["unknown", "running", "poll", "link"]))
def test_a_status_that_is_unknown_or_goes_back_is_waited_out_and_told(row: Row) -> None:
    break_it(row, "unknown", "unknown_status", count=3)
    break_it(row, "running", "running")
    break_it(row, "poll", "goes_back", operation="poll")
    break_it(row, "link", "goes_back", operation="link")
    (worker,) = row.start_workers(1)
    ids = {name: row.submit(account=name)[0] for name in ("unknown", "running", "poll", "link")}
    assert_survived(row, injected=6)
    notes = [event["note"] for event in row.stack.events(ids["unknown"]) if event["note"]]
    assert notes == ["unknown status 'ARCHIVING'"] * 3
    told = row.stack.log("worker")
    assert told.count("unknown status 'ARCHIVING'") == 3
    assert codes(row, ids["link"]) == {"link_not_ready"}
    assert (worker.poll(), row.starts()) == (None, len(ids))
    row.note(crashes=0, alerts=3)


@pytest.mark.faults(45, "Intelligems answers 200 without a link", sandbox=["--build-mean", "1"])
def test_an_answer_without_a_link_is_not_taken_for_a_finished_report(row: Row) -> None:
    row.stack.sandbox.fault("null_url", count=5)
    row.start_workers(1)
    (id_,) = row.submit(account="shop-ab")
    until(lambda: row.stack.sandbox.stats()["faults"].get("null_url", 0) >= 5, "five answers without a link")
    assert "download" not in row.kinds(id_)
    assert_survived(row, injected=5)
    assert row.stack.sandbox.stats()["starts"]["intelligems"] == 1
    row.note(starts=1)
