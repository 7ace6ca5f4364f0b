"""Promises of lists: they hold what the filter names, in order and page by page, whatever the filter."""

from collections import Counter
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select

from landfall.database import counting, ledger, reading, service_tables
from landfall.database import tables as t
from landfall.database.reading import Filter, Position, TimelineEvent
from landfall.exports.job import ExportJob, Fault
from landfall.exports.settling import Event
from landfall.exports.states import State
from tests.exports.jobs import NOON, make_job

STATES = (State.STORED, State.FAILED, State.QUEUED)
SHOPS = {"shop-bwp": "buy_with_prime", "shop-ab": "intelligems"}
FILTERS: tuple[dict[str, Any], ...] = (
    {"states": [State.STORED]},
    {"states": [State.FAILED, State.QUEUED, State.FAILED]},
    {"states": [State.CANCELLED]},
    {"account": "shop-ab"},
    {"vendor": "buy_with_prime"},
    {"account": "shop-ab", "vendor": "buy_with_prime"},
    {"labels": [("team", "a")]},
    {"labels": [("team", "a"), ("kind", "x:y")]},
    {"since": NOON + timedelta(seconds=3)},
    {"until": NOON + timedelta(seconds=3)},
    {"error": "worker_died"},
    {"batch": "bat_1"},
    {"within": frozenset({"shop-ab"})},
    {"within": frozenset({"shop-ab", "shop-bwp"})},
    {"within": frozenset({f"shop-{number}" for number in range(20)} | {"shop-bwp"})},
    {"within": frozenset()},
)
FAULTS = (None, Fault("worker_died", "it died", "Look."), Fault("report_lost", "it is gone", "Ask again."))
BATCH = frozenset(f"exp_{number:03}" for number in range(1, 18, 2))


def fill(connection: Connection) -> list[ExportJob]:
    """Exports of every kind, several of the same moment, newest first."""
    jobs = []
    for number, (state, (account, vendor), team) in enumerate(product(STATES, SHOPS.items(), ("a", "b", None))):
        labels = {"team": team, "kind": "x:y"} if team else {}
        moment = NOON + timedelta(seconds=number // 4)
        at = {"account": account, "vendor": vendor, "state": state, "labels": labels, "created_at": moment}
        at["error"] = FAULTS[number % 3] if state is not State.STORED else None
        jobs.append(make_job(id=f"exp_{number:03}", request_hash=str(number), **at))
    ledger.accept(connection, jobs)
    connection.execute(
        insert(service_tables.batches), [{"id": "bat_1", "requested": len(BATCH), "labels": {}, "created_at": NOON}]
    )
    rows = [{"export_id": job.id, "created_at": job.created_at} for job in jobs if job.id in BATCH]
    same = {"batch_id": "bat_1", "number": 0, "ours": True}
    connection.execute(insert(service_tables.batch_items), [row | same for row in rows])
    return sorted(jobs, key=lambda job: (job.created_at, job.id), reverse=True)


def lets_through(wanted: Filter, job: ExportJob) -> bool:
    return (
        (not wanted.states or job.state in wanted.states)
        and wanted.account in {None, job.account}
        and wanted.vendor in {None, job.vendor}
        and all(job.labels.get(key) == value for key, value in wanted.labels)
        and (wanted.since is None or job.created_at >= wanted.since)
        and (wanted.until is None or job.created_at < wanted.until)
        and (wanted.error is None or (job.error is not None and job.error.code == wanted.error))
        and (wanted.batch is None or job.id in BATCH)
        and (wanted.within is None or job.account in wanted.within)
    )


@pytest.mark.parametrize("number", range(len(FILTERS)))
def test_a_count_tells_how_many_of_each_state_a_list_holds(connection: Connection, number: int) -> None:
    jobs = fill(connection)
    for other in FILTERS:
        wanted = Filter(**(other | FILTERS[number]))
        held = Counter(job.state for job in jobs if lets_through(wanted, job))
        assert counting.by_state(connection, wanted) == held, wanted


@pytest.mark.parametrize("number", range(len(FILTERS)))
def test_a_list_holds_what_its_filter_names_page_by_page(connection: Connection, number: int) -> None:
    jobs = fill(connection)
    for other in FILTERS:
        wanted = Filter(**(other | FILTERS[number]))
        seen: list[str] = []
        after = None
        while page := reading.page(connection, wanted, after, 2):
            seen += [job.id for job in page]
            after = Position(page[-1].created_at, page[-1].id)
        assert seen == [job.id for job in jobs if lets_through(wanted, job)], wanted


@pytest.mark.parametrize("later", [timedelta(0), timedelta(seconds=1)])
def test_a_page_ends_where_both_its_place_and_its_filter_say(connection: Connection, later: timedelta) -> None:
    jobs = fill(connection)
    after = Position(jobs[3].created_at, jobs[3].id)
    wanted = Filter(until=jobs[3].created_at + later)
    found = [job.id for job in reading.page(connection, wanted, after, 50)]
    assert found == [job.id for job in jobs[4:] if lets_through(wanted, job)]


def test_a_timeline_is_read_in_pages_in_the_order_in_which_it_happened(connection: Connection) -> None:
    job = make_job(id="exp_1")
    ledger.accept(connection, [job, make_job(id="exp_2")])
    for number in range(6):
        ledger.note(connection, job, Event("wait", None, number), at=NOON)
        ledger.note(connection, make_job(id="exp_2"), Event("wait", None, number), at=NOON)
    whole = reading.timeline(connection, job.id)
    seen: list[TimelineEvent] = []
    while page := reading.timeline(connection, job.id, after=seen[-1].id if seen else 0, limit=3):
        seen += page
    assert seen == whole
    assert [event.attempt for event in whole] == [0, *range(6)]
    assert reading.last_event(connection, job.id) == whole[-1]


def test_labels_go_with_their_export(connection: Connection) -> None:
    ledger.accept(connection, [make_job(id="exp_1", labels={"é": 'a"b', "k": ""}), make_job(id="exp_2")])
    found = connection.execute(select(t.labels.c.key, t.labels.c.value).order_by(t.labels.c.key)).all()
    assert [tuple(row) for row in found] == [("k", ""), ("é", 'a"b')]
    connection.execute(delete(t.events))
    connection.execute(delete(t.exports).where(t.exports.c.id == "exp_1"))
    assert connection.execute(select(t.labels)).all() == []
