"""Rows 42, 43, 44 and 46: reports that never end, fail or are gone, and links that are taken no more."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, update

from landfall.database.clock import read_clock
from landfall.database.opening import open_database
from landfall.database.tables import orphans
from landfall.settings import Settings
from tests.asynchronous import run
from tests.faults.row import Row
from tests.faults.vendor_cases import accounts_of, assert_survived, break_it, client_of, codes
from tests.stack import until

ENDED = 3
GONE_AT = ("poll", "link", "download")
LARGE = 4_000_000


@pytest.mark.faults(42, "reports that stay STARTED for ever")
def test_a_report_that_never_ends_keeps_its_slot_until_the_vendor_or_its_hold_ends_it(
    row: Row, database_url: str
) -> None:
    def ask_at_once(connection: Connection) -> None:
        """Bring forward the next look at each orphan, which comes every 30 s."""
        connection.execute(update(orphans).where(orphans.c.due_at.is_not(None)).values(due_at=read_clock(connection)))

    def let_seven_days_pass(connection: Connection) -> None:
        connection.execute(update(orphans).values(held_until=read_clock(connection) - timedelta(seconds=1)))

    async def change(work: object) -> None:
        async with open_database(Settings(home=row.stack.home, database_url=database_url)) as database:
            await database.write(work)  # type: ignore[arg-type]  # one of the two above

    row.stack.sandbox.fault("never_finishes", count=5)
    row.start_workers(2)
    late = row.submit(5, deadline="PT1S")
    (waiting,) = row.submit()
    for id_ in late:
        row.stack.wait_for(id_, "failed")
    assert (row.account()["slots_used"], row.stack.show(waiting)["state"]) == (5, "queued")
    for report in row.stack.sandbox.reports()[:ENDED]:
        row.stack.sandbox.fault("report_failed", report=report["id"])
    run(change(ask_at_once))
    row.stack.wait_for(waiting, "stored")
    until(lambda: row.account()["slots_used"] == 5 - ENDED, "the slots of reports that have ended")
    run(change(let_seven_days_pass))
    row.injected["never_finishes"] = 5
    figures = assert_survived(row, timed=False, failed=dict.fromkeys(late, "deadline_passed"), injected=5)
    assert figures.most_started == 5
    row.note(slots_kept=5)


@pytest.mark.faults(43, "reports that the vendor fails", **accounts_of(["once", "ever"]))
def test_a_failed_report_is_ordered_anew_and_frees_its_slot_at_the_next_poll(row: Row) -> None:
    break_it(row, "once", "report_failed")
    break_it(row, "ever", "report_failed", count=1000)
    row.stack.sandbox.fault("report_failed", vendor="intelligems")
    row.start_workers(2)
    (once,), (ever,) = row.submit(account="once"), row.submit(account="ever")
    row.submit(account="shop-ab")
    assert_survived(row, failed={ever: "report_lost"}, injected=5)
    shown = row.stack.show(ever)
    assert ("the report failed" in shown["error"]["message"], shown["generation"]) == (True, 3)
    assert row.stack.show(once)["generation"] == 2
    failed = [report for report in row.stack.sandbox.reports() if report["state"] == "FAILED"]
    ours = [report for report in failed if report["vendor"] == "buy_with_prime"]
    polls = [polls_after_the_end(row, report["id"], report["finished_at"]) for report in ours]
    # One that came just before the end may be answered just behind it.
    assert len(polls) == 4
    assert max(polls) <= 1
    row.note(generations=3, polls_until_free=1)


def polls_after_the_end(row: Row, report: str, finished_at: float) -> int:
    return sum(call["report"] == report and call["time"] >= finished_at for call in row.calls())


@pytest.mark.faults(44, "reports gone before their time", **accounts_of(GONE_AT))
def test_a_report_that_is_gone_is_ordered_anew(row: Row) -> None:
    for name in GONE_AT:
        break_it(row, name, "report_gone", operation=name)
    row.start_workers(2)
    ids = [row.submit(account=name)[0] for name in GONE_AT]
    assert_survived(row, injected=len(GONE_AT))
    assert [row.stack.show(id_)["generation"] for id_ in ids] == [2] * len(GONE_AT)
    assert [codes(row, id_) for id_ in ids] == [{"report_lost"}] * len(GONE_AT)
    row.note(generations=2)


@pytest.mark.faults(44, "reports past their life", sandbox=["--report-days", "0.00012"])
def test_a_report_that_outlived_its_days_while_no_worker_ran_is_ordered_anew(row: Row) -> None:
    row.stack.sandbox.fault("never_finishes")
    (worker,) = row.start_workers(1)
    (id_,) = row.submit()
    until(lambda: row.stack.show(id_)["state"] == "exporting", "a report in the making")
    row.kill(worker)
    until(lambda: row.stack.sandbox.reports()[0]["state"] == "GONE", "a report past its life")
    # Nobody was to go on before: there is no time back to tell.
    row.moments.clear()
    row.start_workers(1)
    assert_survived(row, timed=False)
    assert row.stack.show(id_)["generation"] == 2
    row.note(generations=2)


@pytest.mark.faults(46, "link expired before and during a download", **accounts_of(["before", "during"]))
def test_a_link_that_is_taken_no_more_is_replaced_and_the_file_goes_on(row: Row) -> None:
    for account in (client_of("during"), "sandbox-it"):
        row.stack.sandbox.fault("body_size", bytes=LARGE, account=account)
        row.stack.sandbox.fault("download_dropped", after_bytes=LARGE * 3 // 4, account=account)
        row.stack.sandbox.fault("link_expired", account=account)
    break_it(row, "before", "link_expired", count=3)
    row.start_workers(2)
    ids = [row.submit(account=name)[0] for name in ("before", "during", "shop-ab")]
    assert_survived(row, injected=7)
    attempts = [[event["attempt"] for event in row.stack.events(id_) if event["kind"] == "download"] for id_ in ids]
    assert attempts == [[1]] * 3
    assert row.stack.sandbox.stats()["starts"] == {"buy_with_prime": 2, "intelligems": 1}
    resumed = [report for report in row.stack.sandbox.reports() if report["bytes"] > LARGE // 2]
    assert [report["whole_downloads"] for report in resumed] == [0, 0]
    row.note(starts=1, attempts=1)
