"""Promises of the ops_ views: the same columns of the same types on both databases, each as it is documented."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, String, Table, Text, inspect, select, text, update
from sqlalchemy.types import TypeEngine

from landfall.database import archive, batches, ledger, views
from landfall.database import tables as t
from landfall.database.service_tables import workers
from landfall.exports.states import State
from migrations import views as making
from migrations.views.as_of_0007 import VIEWS
from tests.database.planted import ACCOUNT, FAULT, FILE, count_all, plant
from tests.exports.jobs import NOON, make_job

_ALL = list(views.metadata.tables.values())
_NAMES = [view.name for view in _ALL]
# What the databases may call the types of the contract.
_POSTGRES = {
    "TEXT": {"text", "character varying"},
    "BIGINT": {"bigint", "integer"},
    "DOUBLE": {"double precision"},
    "BOOLEAN": {"boolean"},
    "DATETIME": {"timestamp with time zone"},
}
_SQLITE = {"TEXT": "text", "BIGINT": "integer", "DOUBLE": "real", "BOOLEAN": "integer", "DATETIME": "text"}


def rows(connection: Connection, view: Table) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(select(view)).mappings()]


def row(connection: Connection, view: Table, **key: object) -> dict[str, Any]:
    (found,) = (each for each in rows(connection, view) if key.items() <= each.items())
    return found


def kind_of(declared: TypeEngine[Any]) -> str:
    return "DATETIME" if isinstance(declared, type(views.exports.c.created_at.type)) else str(declared)


def test_every_view_is_declared_and_nothing_else(connection: Connection) -> None:
    assert set(inspect(connection).get_view_names()) == set(_NAMES) == set(VIEWS)


@pytest.mark.parametrize("view", _ALL, ids=_NAMES)
def test_the_columns_are_the_declared_ones_in_their_order(connection: Connection, view: Table) -> None:
    assert list(connection.execute(text(f"SELECT * FROM {view.name}")).keys()) == [each.name for each in view.c]  # noqa: S608 - a name of ours


@pytest.mark.parametrize("view", _ALL, ids=_NAMES)
def test_each_column_has_a_value_of_its_declared_type(connection: Connection, view: Table) -> None:
    plant(connection)
    kind = "pg_typeof" if connection.dialect.name == "postgresql" else "typeof"
    for column in view.c:
        query = f"SELECT DISTINCT CAST({kind}({column.name}) AS text) FROM {view.name} WHERE {column.name} IS NOT NULL"  # noqa: S608 - names of ours
        found = set(connection.execute(text(query)).scalars())
        assert found, f"{column.name} has no value"
        declared = kind_of(column.type)
        assert found <= (_POSTGRES[declared] if kind == "pg_typeof" else {_SQLITE[declared]}), column.name


def test_moments_are_text_of_one_length_on_sqlite(connection: Connection) -> None:
    plant(connection)
    if connection.dialect.name != "sqlite":
        pytest.skip("Postgres has a type for moments")
    for view in _ALL:
        for column in (each for each in view.c if kind_of(each.type) == "DATETIME"):
            query = f"SELECT DISTINCT length({column.name}) FROM {view.name} WHERE {column.name} IS NOT NULL"  # noqa: S608 - names of ours
            assert connection.execute(text(query)).scalars().all() == [26], column


def test_an_export_reads_as_its_row_does(connection: Connection) -> None:
    plant(connection)
    found = row(connection, views.exports, id="exp_stored")
    assert (found["account"], found["vendor"], found["state"]) == (ACCOUNT, "buy_with_prime", "stored")
    assert (found["created_at"], found["seconds"]) == (NOON, 90.5)
    assert (found["file_uri"], found["file_bytes"], found["file_rows"]) == (FILE.uri, FILE.bytes, FILE.rows)
    assert (found["file_empty"], found["header_changed"], found["file_removed_at"]) == (True, False, NOON)
    assert "team" in found["labels"]
    failed = row(connection, views.exports, id="exp_failed")
    assert (failed["error_code"], failed["error_message"]) == (FAULT.code, FAULT.message)
    assert row(connection, views.exports, id="exp_late")["seconds"] is None


def test_an_event_says_whose_it_is(connection: Connection) -> None:
    plant(connection)
    found = row(connection, views.events, export_id="exp_failed", kind="give up")
    assert (found["account"], found["vendor"], found["report_type"]) == (ACCOUNT, "buy_with_prime", "USER_EVENTS")
    assert (found["step"], found["attempt"], found["seconds"], found["note"]) == ("start", 1, 1.5, "a note")
    assert found["error_action"] == FAULT.action


def test_an_account_shows_its_slots_its_queue_and_what_keeps_it(connection: Connection) -> None:
    now = plant(connection)
    found = row(connection, views.accounts, account=ACCOUNT)
    assert (found["max_started"], found["slots_limit"], found["slots_used"]) == (5, 3, 2)
    assert [found[name] for name in ("queued", "starting", "exporting", "ready", "overdue")] == [2, 0, 1, 1, 1]
    assert found["oldest_queued_at"] == now - timedelta(seconds=40)
    assert 39 <= found["oldest_queued_seconds"] < 1000
    assert (found["breaker"], found["error_code"], found["paused_by"]) == ("open", FAULT.code, "anna")
    assert found["blocked_until"] == found["open_until"] == now + timedelta(hours=1)
    idle = row(connection, views.accounts, account="shop-ab")
    assert (idle["slots_limit"], idle["slots_used"], idle["queued"], idle["overdue"]) == (3, 0, 0, 0)
    assert (idle["breaker"], idle["blocked_until"], idle["oldest_queued_seconds"]) == ("closed", None, None)


def test_a_breaker_whose_probe_is_under_way_is_probing(connection: Connection) -> None:
    plant(connection)
    connection.execute(update(t.accounts).values(probing=True))
    assert {each["account"]: each["breaker"] for each in rows(connection, views.accounts)} == {
        ACCOUNT: "probing",
        "shop-ab": "closed",
    }


def test_what_happened_stands_in_its_hour(connection: Connection) -> None:
    plant(connection)
    found = row(connection, views.throughput, hour=NOON, account=ACCOUNT)
    told = {name: found[name] for name in ("accepted", "started", "stored", "empty", "failed", "polls", "cancelled")}
    assert told == {"accepted": 4, "started": 1, "stored": 1, "empty": 1, "failed": 1, "polls": 1, "cancelled": 0}
    assert (found["bytes"], found["rows"]) == (FILE.bytes, FILE.rows)


def test_each_phase_has_its_length(connection: Connection) -> None:
    plant(connection)
    found = {each["phase"]: each for each in rows(connection, views.latency)}
    assert {phase: each["runs"] for phase, each in found.items()} == {
        "queue": 2,
        "start": 2,
        "poll": 1,
        "download": 1,
        "build": 1,
        "landing": 1,
    }
    assert (found["queue"]["mean_seconds"], found["queue"]["max_seconds"]) == (2.5, 3.0)
    assert found["build"]["max_seconds"] == 20.0
    assert found["landing"]["p95_seconds"] == pytest.approx(90.0, rel=0.1)
    assert found["poll"]["p50_seconds"] == pytest.approx(0.125, rel=0.1)


def test_a_failure_names_the_last_export_that_failed_so(connection: Connection) -> None:
    plant(connection)
    (found,) = rows(connection, views.failures)
    assert (found["hour"], found["step"], found["error_code"], found["failures"]) == (NOON, "start", FAULT.code, 1)
    assert (found["last_export_id"], found["last_at"]) == ("exp_failed", NOON + timedelta(seconds=5))
    assert (found["error_message"], found["error_action"]) == (FAULT.message, FAULT.action)


def test_freshness_is_met_by_what_is_younger_than_its_target_and_missed_where_nothing_is_stored(
    connection: Connection,
) -> None:
    plant(connection)
    found = {each["report_type"]: each for each in rows(connection, views.freshness)}
    assert {kind: each["met"] for kind, each in found.items()} == {
        "USER_EVENTS": False,
        "ORDERS": True,
        "REFUNDS": False,
        "ITEMS": None,
    }
    assert 7200 <= found["ORDERS"]["age_seconds"] < 9000
    assert found["REFUNDS"]["age_seconds"] is None


def test_polling_tells_how_well_build_times_are_known(connection: Connection) -> None:
    plant(connection)
    (found,) = rows(connection, views.polling)
    # One took between 0 and 10 seconds, the other 4 as the vendor said.
    assert (found["samples"], found["max_build_seconds"]) == (2, 10.0)
    assert (found["mean_build_seconds"], found["mean_uncertainty_seconds"]) == (4.5, 5.0)


def test_a_worker_that_is_silent_for_three_reports_is_not_alive(connection: Connection) -> None:
    now = plant(connection)
    assert row(connection, views.workers, id="host:1:a")["alive"] is True
    connection.execute(update(workers).values(seen_at=now - timedelta(seconds=60)))
    found = row(connection, views.workers, id="host:1:a")
    assert found["alive"] is False
    assert 60 <= found["silent_seconds"] < 1000


def test_a_batch_counts_its_exports_also_those_in_the_archive(connection: Connection) -> None:
    plant(connection)

    def counts(batch: str) -> list[int]:
        found = row(connection, views.batches, id=batch)
        return [found[name] for name in ("requested", "stored", "failed", "cancelled", "live")]

    assert counts("bat_ended") == [2, 1, 1, 0, 0]
    assert counts("bat_live") == [3, 1, 1, 0, 1]
    ended = row(connection, views.batches, id="bat_ended")["finished_at"]
    assert ended is not None
    assert archive.move(connection, ["exp_stored", "exp_failed"]) == 2
    assert counts("bat_live") == [3, 1, 1, 0, 1]


def test_a_finished_batch_that_lives_again_is_counted_anew(connection: Connection) -> None:
    plant(connection)
    connection.execute(update(t.exports).where(t.exports.c.id == "exp_failed").values(state="queued", finished_at=None))
    batches.reopen(connection, ["exp_failed"])
    found = row(connection, views.batches, id="bat_ended")
    assert (found["stored"], found["failed"], found["live"], found["finished_at"]) == (1, 0, 1, None)


def test_a_delivery_shows_neither_payload_nor_url(connection: Connection) -> None:
    plant(connection)
    (found,) = rows(connection, views.deliveries)
    assert (found["webhook"], found["type"], found["subject"], found["status"]) == (
        "ops",
        "export.stored",
        "exp_stored",
        500,
    )
    assert not {"payload", "url"} & set(found)


def test_a_later_migration_may_alter_what_the_views_read(connection: Connection) -> None:
    plant(connection)
    before = {view.name: len(rows(connection, view)) for view in _ALL}
    context = MigrationContext.configure(connection, opts={"render_as_batch": True})
    with Operations.context(context) as operations:
        making.drop()
        assert inspect(connection).get_view_names() == []
        operations.drop_column("exports", "callback_url")
        with operations.batch_alter_table("events") as events:
            events.alter_column("note", existing_type=Text(), type_=String(5000))
        making.create(VIEWS)
    assert {view.name: len(rows(connection, view)) for view in _ALL} == before


def test_views_over_nothing_are_empty(connection: Connection) -> None:
    assert {view.name for view in _ALL if rows(connection, view)} == {"ops_accounts"}


def test_the_hours_are_those_of_utc(connection: Connection) -> None:
    last = datetime(2026, 3, 1, 0, 59, 59, 999_999, tzinfo=UTC)
    next_one = last + timedelta(microseconds=1)
    ledger.accept(connection, [make_job(id="exp_last", created_at=last), make_job(id="exp_first", created_at=next_one)])
    count_all(connection)
    found = {each["hour"]: each["accepted"] for each in rows(connection, views.throughput)}
    assert found == {next_one - timedelta(hours=1): 1, next_one: 1}


def test_an_archived_export_is_no_longer_listed(connection: Connection) -> None:
    ledger.accept(connection, [make_job(id="exp_old", state=State.FAILED, finished_at=NOON)])
    count_all(connection)
    assert archive.move(connection, ["exp_old"]) == 1
    assert rows(connection, views.exports) == rows(connection, views.events) == []
    assert rows(connection, views.throughput)
