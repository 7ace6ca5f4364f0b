"""Promises of what an upgrade finds out about the files that were stored before it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, MetaData, Table

from landfall.database import freshness
from landfall.database.freshness import Freshness
from landfall.database.migrate import migrate
from landfall.database.opening import open_database
from landfall.settings import Settings
from tests.asynchronous import run
from tests.database.released_rows import RELEASED, T0, Row

# The last revision that knew nothing of freshness.
WAS = "0006"
ROWS = RELEASED[WAS]
STORED = next(row for row in ROWS["exports"] if row["state"] == "stored")
LOOKED_AT = 1000


def stored(name: str, end: str | None = None, **changes: Any) -> Row:
    request = {"report_type": "USER_EVENTS"} | ({"end": end} if end else {})
    return STORED | {"id": f"exp_{name}", "request": request} | changes


def upgraded(url: str, exports: list[Row], headers: tuple[Row, ...] = ()) -> Mapping[str, Freshness]:
    """How fresh each report type is said to be after the upgrade of a database with these exports."""
    settings = Settings(database_url=url)
    migrate(settings, WAS)

    def insert_all(connection: Connection) -> None:
        for name, rows in (("accounts", ROWS["accounts"]), ("exports", exports), ("headers", headers)):
            if rows:
                table = Table(name, MetaData(), autoload_with=connection, resolve_fks=False)
                connection.execute(table.insert(), list(rows))

    async def fill() -> None:
        async with open_database(settings) as database:
            await database.write(insert_all)

    async def look() -> list[Freshness]:
        async with open_database(settings) as database:
            return await database.read(freshness.standings)

    run(fill())
    migrate(settings)
    return {each.report_type: each for each in run(look())}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("end", "reach"),
    [
        ("2026-01-31T11:00:00Z", T0.replace(hour=11, microsecond=0)),
        ("2026-02-28T00:00:00Z", T0),
        (None, T0),
        ("tomorrow", T0),
    ],
)
def test_a_file_that_was_there_reaches_to_its_requests_end_and_not_beyond_its_acceptance(
    empty_url: str, end: str | None, reach: datetime
) -> None:
    (found,) = upgraded(empty_url, [stored("a", end)]).values()
    assert (found.account, found.window_end, found.export_id) == ("shop-bwp", reach, "exp_a")
    assert (found.stored_at, found.target, found.met) == (STORED["finished_at"], None, None)


def test_the_furthest_window_counts_and_not_the_last_that_was_asked_for(empty_url: str) -> None:
    older = stored("older", "2026-01-30T00:00:00Z", created_at=T0 - timedelta(hours=1))
    again = stored("again", "2025-12-31T00:00:00Z")
    failed = stored("failed", "2026-01-31T00:00:00Z", state="failed")
    found = upgraded(empty_url, [older, again, failed])
    assert found["USER_EVENTS"].export_id == "exp_older"


def test_where_nothing_was_stored_nothing_is_said(empty_url: str) -> None:
    assert upgraded(empty_url, [row for row in ROWS["exports"] if row["state"] != "stored"]) == {}


def test_a_kind_whose_last_file_lies_far_back_is_found(empty_url: str) -> None:
    many = [stored(f"{number:04}", created_at=T0 + timedelta(seconds=number)) for number in range(LOOKED_AT)]
    rare = stored("rare", "2025-12-31T00:00:00Z", report_type="RARE")
    last = ROWS["headers"][0] | {"report_type": "RARE", "export_id": "exp_rare"}
    found = upgraded(empty_url, [*many, rare], (last,))
    assert {kind: each.export_id for kind, each in found.items()} == {"USER_EVENTS": "exp_0999", "RARE": "exp_rare"}
