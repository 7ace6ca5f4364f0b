"""Promises of the Grafana dashboards' figures: each is what a count by hand comes to, whatever the time and its zone."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Connection, insert

from landfall.database.migrate import allow_reading
from landfall.database.opening import open_database
from landfall.database.readonly_role import ROLE
from landfall.database.tally_tables import export_hours, failure_hours, step_hours
from landfall.settings import Settings
from tests.asynchronous import run
from tests.deploy import dashboards
from tests.deploy.dashboards import Showing
from tests.services.postgres import Postgres

DAY = datetime(2026, 3, 29, tzinfo=UTC)  # when clocks in Europe are put forward
ONE, OTHER = "shop o'brien", "shop-ab"
ALL = {"account": [ONE, OTHER], "error_code": ["request_refused"]}
# hour of the day, account, stored, failed, polls, the 95th percentile of landing
HOURS = [(9, ONE, 1, 0, 4, 10.0), (10, ONE, 3, 1, 6, 20.0), (11, OTHER, 2, 2, 9, 40.0), (13, ONE, 4, 0, 1, 30.0)]
NOTHING = dict.fromkeys("accepted started empty cancelled retried throttled crashes bytes rows".split(), 0)  # noqa: SIM905 - one line
PANELS = {
    (board["uid"], panel["type"], panel["title"]): panel["targets"][0].get("rawSql", "")
    for board in dashboards.load()
    for panel in dashboards.panels(board)
}


def at(clock: str) -> datetime:
    hours, minutes = clock.split(":")
    return DAY + timedelta(hours=int(hours), minutes=int(minutes))


def plant(connection: Connection) -> None:
    for hour, account, stored, failed, polls, p95 in HOURS:
        kind = {"hour": at(f"{hour}:00"), "account": account, "vendor": "intelligems", "report_type": "orders"}
        counts = {**NOTHING, "stored": stored, "failed": failed, "polls": polls}
        connection.execute(insert(export_hours).values(**kind, **counts))
        lasted = {
            "runs": 1,
            "seconds": p95,
            "p50_seconds": p95 / 2,
            "p95_seconds": p95,
            "max_seconds": p95,
            "ranges": [],
        }
        connection.execute(insert(step_hours).values(**kind, phase="landing", **lasted))
        said = {"error_code": "request_refused", "error_message": "no", "error_action": "Ask for less."}
        last = {"failures": failed, "last_at": at(f"{hour}:30"), "last_export_id": f"exp_{hour}"}
        if failed:
            connection.execute(insert(failure_hours).values(**kind, step="start", **last, **said))


async def fill(url: str) -> None:
    async with open_database(Settings(database_url=url)) as database:
        await database.write(plant)


@pytest.fixture(scope="module")
def url(postgres: Postgres, postgres_template: str) -> Iterator[str]:
    url = postgres.new_database(postgres_template)
    run(fill(url))
    allow_reading(Settings(database_url=url))
    yield url
    postgres.drop(url)


def show(
    url: str, panel: tuple[str, str, str], since: str, until: str, interval: str = "1h"
) -> list[Mapping[str, Any]]:
    """What a panel shows of that day, asked in a time zone that is half an hour off UTC's hours."""

    async def answered() -> list[Mapping[str, Any]]:
        connection = await asyncpg.connect(url, server_settings={"timezone": "Asia/Kolkata"})
        try:
            await connection.execute(f"SET ROLE {ROLE}")
            showing = Showing(ALL, at(since), at(until), interval)
            return [dict(row) for row in await connection.fetch(dashboards.sql_as_sent(PANELS[panel], showing))]
        finally:
            await connection.close()

    return run(answered())


@pytest.mark.parametrize(
    ("since", "until", "stored"),
    [
        ("10:15", "10:45", 3),
        ("10:00", "11:00", 3),
        ("10:59", "11:01", 5),
        ("11:00", "13:00", 2),
        ("12:00", "13:00", 0),
        ("0:00", "24:00", 10),
    ],
)
def test_an_hour_counts_whole_where_a_part_of_it_is_in_the_chosen_time_and_no_other_does(
    url: str, since: str, until: str, stored: int
) -> None:
    assert show(url, ("landfall-overview", "stat", "Stored"), since, until) == [{"stored": stored}]


def test_shares_are_of_all_that_the_chosen_hours_brought(url: str) -> None:
    (failed,) = show(url, ("landfall-overview", "stat", "Failed"), "10:00", "12:00")
    assert failed["failed"] == pytest.approx(3 / 8)
    (polls,) = show(url, ("landfall-polling", "stat", "Polls a stored export"), "0:00", "24:00")
    assert polls["polls"] == pytest.approx(20 / 10)
    assert show(url, ("landfall-failures", "stat", "Failed exports"), "10:00", "12:00")[0]["failed"] == 3


@pytest.mark.parametrize(
    ("interval", "bars"),
    [
        ("1h", {"9:00": (1, 0), "10:00": (3, 1), "11:00": (2, 2), "13:00": (4, 0)}),
        ("6h", {"6:00": (6, 3), "12:00": (4, 0)}),
        ("1d", {"0:00": (10, 3)}),
    ],
)
def test_bars_stand_where_their_hours_began_in_utc_and_lose_none(
    url: str, interval: str, bars: Mapping[str, tuple[int, int]]
) -> None:
    rows = show(url, ("landfall-overview", "timeseries", "Exports that ended"), "0:00", "24:00", interval)
    found = {float(row["time"]): (row["stored"], row["failed"]) for row in rows}
    assert found == {at(clock).timestamp(): counts for clock, counts in bars.items()}


def test_a_percentile_of_several_hours_is_that_of_the_worst(url: str) -> None:
    rows = show(
        url, ("landfall-overview", "timeseries", "Time from acceptance to the stored file"), "0:00", "24:00", "6h"
    )
    assert [(row["p50"], row["p95"]) for row in rows] == [(20.0, 40.0), (15.0, 30.0)]
