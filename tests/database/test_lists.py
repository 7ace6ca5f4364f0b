"""Promises of lists: they hold what the filter names, in order and page by page, whatever the filter."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import Connection, delete, select

from landfall.database import ledger, reading
from landfall.database import tables as t
from landfall.database.reading import Filter, Position
from landfall.exports.job import ExportJob
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
)


def fill(connection: Connection) -> list[ExportJob]:
    """Exports of every kind, several of the same moment, newest first."""
    jobs = []
    for number, (state, (account, vendor), team) in enumerate(product(STATES, SHOPS.items(), ("a", "b", None))):
        labels = {"team": team, "kind": "x:y"} if team else {}
        moment = NOON + timedelta(seconds=number // 4)
        at = {"account": account, "vendor": vendor, "state": state, "labels": labels, "created_at": moment}
        jobs.append(make_job(id=f"exp_{number:03}", request_hash=str(number), **at))
    ledger.accept(connection, jobs)
    return sorted(jobs, key=lambda job: (job.created_at, job.id), reverse=True)


def lets_through(wanted: Filter, job: ExportJob) -> bool:
    return (
        (not wanted.states or job.state in wanted.states)
        and wanted.account in {None, job.account}
        and wanted.vendor in {None, job.vendor}
        and all(job.labels.get(key) == value for key, value in wanted.labels)
        and (wanted.since is None or job.created_at >= wanted.since)
    )


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


def test_labels_go_with_their_export(connection: Connection) -> None:
    ledger.accept(connection, [make_job(id="exp_1", labels={"é": 'a"b', "k": ""}), make_job(id="exp_2")])
    found = connection.execute(select(t.labels.c.key, t.labels.c.value).order_by(t.labels.c.key)).all()
    assert [tuple(row) for row in found] == [("k", ""), ("é", 'a"b')]
    connection.execute(delete(t.events))
    connection.execute(delete(t.exports).where(t.exports.c.id == "exp_1"))
    assert connection.execute(select(t.labels)).all() == []
