"""Checks which exports answer a request that is content with a stored one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, update

from api import acceptance
from api.acceptance import Accepted
from api.auth import Caller
from api.schemas.submission import Submission
from landfall.database.clock import read_clock
from landfall.database.tables import exports
from landfall.exports.states import State
from landfall.vendors.catalog import parse_accounts

ACCOUNTS = parse_accounts(
    {
        "shop-ab": {"vendor": "intelligems", "access_token": {"env": "T"}},
        "shop-bwp": {
            "vendor": "buy_with_prime",
            "client_id": {"env": "I"},
            "client_secret": {"env": "S"},
            "target_id": "t",
        },
    }
)
CALLER = Caller("key_1", "tests")
MONTH = {"start": "2025-01-01", "end": "2025-02-01"}
ORDERS = {"experience_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "export_type": "orders"}


def _ask(connection: Connection, request: dict[str, Any], account: str = "shop-bwp", **more: Any) -> Accepted:
    given = {"report_type": "USER_EVENTS"} if account == "shop-bwp" else ORDERS
    submission = Submission(account=account, request=given | request, **more)
    return acceptance.accept(connection, [acceptance.check(submission, ACCOUNTS, CALLER)])[0]


def _stored(connection: Connection, asked: dict[str, Any], account: str = "shop-bwp", **changes: Any) -> str:
    job = _ask(connection, asked, account, force=True).job
    stored = {
        "state": State.STORED.value,
        "finished_at": job.created_at,
        "due_at": None,
        "file_uri": f"file:///{job.id}.csv",
        "file_bytes": 1,
        "file_rows": 0,
        "file_sha256": "0" * 64,
        "file_columns": ["a"],
        "file_empty": True,
    }
    connection.execute(update(exports).where(exports.c.id == job.id).values(**stored | changes))
    return job.id


@pytest.mark.parametrize("account", ["shop-bwp", "shop-ab"])
def test_a_stored_export_of_a_closed_window_is_reused(connection: Connection, account: str) -> None:
    stored = _stored(connection, MONTH, account)
    found = _ask(connection, MONTH, account, reuse="stored")
    assert (found.job.id, found.job.state, found.new) == (stored, State.STORED, False)


def test_without_the_wish_another_export_is_made(connection: Connection) -> None:
    _stored(connection, MONTH)
    assert _ask(connection, MONTH).new


def test_the_newest_stored_export_is_reused(connection: Connection) -> None:
    _stored(connection, MONTH, created_at=datetime(2025, 3, 1, tzinfo=UTC))
    newest = _stored(connection, MONTH, created_at=datetime(2025, 4, 1, tzinfo=UTC))
    _stored(connection, MONTH, created_at=datetime(2025, 2, 1, tzinfo=UTC))
    assert _ask(connection, MONTH, reuse="stored").job.id == newest


def test_one_in_flight_comes_before_a_stored_one(connection: Connection) -> None:
    _stored(connection, MONTH)
    running = _ask(connection, MONTH, force=True).job.id
    assert _ask(connection, MONTH, reuse="stored").job.id == running


def test_a_window_that_was_open_when_the_export_was_made_is_not_reused(connection: Connection) -> None:
    _stored(connection, MONTH, created_at=datetime(2025, 1, 31, 23, 59, 59, tzinfo=UTC))
    assert _ask(connection, MONTH, reuse="stored").new


def test_a_window_that_closed_in_that_very_moment_is_reused(connection: Connection) -> None:
    stored = _stored(connection, MONTH, created_at=datetime(2025, 2, 1, tzinfo=UTC))
    assert _ask(connection, MONTH, reuse="stored").job.id == stored


def test_an_export_over_a_default_range_is_not_reused_on_another_day(connection: Connection) -> None:
    yesterday = read_clock(connection) - timedelta(days=1)
    earlier = {"report_type": "USER_EVENTS", "start": "2025-01-01T00:00:00Z", "end": "2025-01-08T00:00:00Z"}
    _stored(connection, {}, created_at=yesterday, request=earlier)
    assert _ask(connection, {}, reuse="stored").new


@pytest.mark.parametrize("request_", [{}, {"start": "2025-01-01"}], ids=["no range", "no end"])
def test_a_range_without_an_end_is_not_reused(connection: Connection, request_: dict[str, Any]) -> None:
    _stored(connection, request_, "shop-ab")
    assert _ask(connection, request_, "shop-ab", reuse="stored").new


@pytest.mark.parametrize(
    "changes",
    [
        {"file_removed_at": datetime(2025, 3, 1, tzinfo=UTC)},
        {"file_uri": None, "state": State.FAILED.value},
        {"account": "shop-ab"},
        {"request_hash": "0" * 64},
    ],
    ids=["its file is gone", "it failed", "another account's", "another request's"],
)
def test_what_does_not_serve_is_not_reused(connection: Connection, changes: dict[str, Any]) -> None:
    _stored(connection, MONTH, **changes)
    assert _ask(connection, MONTH, reuse="stored").new


def test_many_requests_find_each_its_own(connection: Connection) -> None:
    days = [{"start": f"2025-01-{day:02}", "end": f"2025-01-{day + 1:02}"} for day in range(1, 20)]
    stored = {day["start"]: _stored(connection, day) for day in days[::2]}
    asked = [
        Submission(account="shop-bwp", request={"report_type": "USER_EVENTS", **day}, reuse="stored") for day in days
    ]
    found = acceptance.accept(connection, [acceptance.check(each, ACCOUNTS, CALLER) for each in asked])
    assert [one.new for one in found] == [day["start"] not in stored for day in days]
    assert [one.job.id for one in found if not one.new] == list(stored.values())
