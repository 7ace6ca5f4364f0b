"""Puts many ended exports into a database at once, as years of work would have left them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, insert, literal_column, select, text, type_coerce

from landfall.database import accounts, ledger
from landfall.database.tables import events, exports
from landfall.exports.job import Artifact, ExportJob
from landfall.exports.settling import Event
from landfall.exports.states import State, Step
from landfall.exports.throttle import AccountLimits

NEWEST = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
COMMON_VENDOR, RARE_VENDOR = "buy_with_prime", "intelligems"
TEMPLATE = "exp_template"
IN_A_BATCH = 40
_FILE = Artifact(
    "file:///landfall/files/shop/USER_EVENTS/2026/01/31/exp_template.csv",
    5_000_000,
    20_000,
    "a" * 64,
    ("event_id", "event_type", "session_id", "order_id", "item", "quantity", "price", "occurred_at"),
    empty=False,
    header_hash="b" * 64,
)
_STEPS = (
    Event("admit", None, 0),
    Event("start", Step.START, 1),
    Event("wait", Step.POLL, 0),
    Event("wait", Step.POLL, 0),
    Event("poll", Step.POLL, 0),
    Event("download", Step.DOWNLOAD, 1),
)


def account_name(number: int) -> str:
    """The name of the account of this number."""
    return f"shop-{number:03}"


def prepare(connection: Connection, count: int, *, max_started: int = 5) -> None:
    """Make so many accounts, the last one of the rare vendor, and the export that all others are copies of."""
    limits = {account_name(number): AccountLimits(COMMON_VENDOR, max_started) for number in range(count - 1)}
    accounts.register(connection, limits | {account_name(count - 1): AccountLimits(RARE_VENDOR, max_started)})
    template = ExportJob(
        id=TEMPLATE,
        account=account_name(0),
        vendor=COMMON_VENDOR,
        report_type="USER_EVENTS",
        request={"report_type": "USER_EVENTS", "start": "2026-01-01T00:00:00Z", "end": "2026-01-31T00:00:00Z"},
        request_hash="f" * 64,
        created_at=NEWEST - timedelta(days=10_000),
        deadline=timedelta(hours=12),
        state=State.STORED,
        version=7,
        polls=3,
        started_at=NEWEST - timedelta(days=10_000),
        finished_at=NEWEST - timedelta(days=10_000),
        report_id="USER_EVENTS:0123456789abcdef",
        artifact=_FILE,
    )
    ledger.accept(connection, [template])
    for event in _STEPS:
        ledger.note(connection, template, event, at=NEWEST)


def fill(connection: Connection, first: int, last: int, *, accounts: int, failed_every: int) -> None:
    """Add the exports of these numbers, counted back from NEWEST by the second, each with its timeline.

    They take turns in the accounts, and one of every so many has failed. Each carries the labels `tenant`, one of five,
    and `batch`, of IN_A_BATCH exports.
    """
    name = connection.dialect.name
    numbers = _numbers(name, first, last)
    values = _values(name, accounts, failed_every)
    columns = [values.get(column.name, column).label(column.name) for column in exports.c]
    copies = select(*columns).select_from(exports.join(numbers, exports.c.id == TEMPLATE))
    connection.execute(insert(exports).from_select([column.name for column in exports.c], copies))
    told = [column for column in events.c if column.name != "id"]
    of_copy = {"export_id": values["id"], "at": values["created_at"]}
    lines = select(*(of_copy.get(column.name, column).label(column.name) for column in told))
    lines = lines.select_from(events.join(numbers, events.c.export_id == TEMPLATE)).order_by(literal_column("n"))
    connection.execute(insert(events).from_select([column.name for column in told], lines))


def export_id(number: int) -> str:
    """The id of the export of this number: the newest has the highest."""
    return f"exp_{10**9 - number:032}"


def gather_statistics(connection: Connection) -> None:
    """Let the planner know what there is."""
    connection.execute(text("ANALYZE"))


def _numbers(dialect: str, first: int, last: int) -> Any:
    if dialect == "sqlite":
        counting = (
            f"WITH RECURSIVE c(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM c WHERE n < {last}) SELECT n FROM c"  # noqa: S608 - two integers of ours
        )
    else:
        counting = f"SELECT n FROM generate_series({first}, {last}) AS n"  # noqa: S608 - as above
    return text(counting).columns(literal_column("n")).subquery("numbers")


def _values(dialect: str, accounts: int, failed_every: int) -> Mapping[str, ColumnElement[Any]]:
    """The columns in which a copy differs from the template."""
    given = _on_sqlite(accounts) if dialect == "sqlite" else _on_postgres(accounts)
    plain = {name: type_coerce(literal_column(given[name]), exports.c[name].type) for name in given}
    failed: ColumnElement[bool] = literal_column(f"n % {failed_every} = {failed_every // 2}")
    files = [column for column in exports.c if column.name.startswith(("file_", "header_hash"))]
    return plain | {
        "state": case((failed, literal_column("'failed'")), else_=literal_column("'stored'")),
        "vendor": case(
            (literal_column(f"n % {accounts} = {accounts - 1}"), literal_column(f"'{RARE_VENDOR}'")),
            else_=literal_column(f"'{COMMON_VENDOR}'"),
        ),
        **{column.name: case((failed, None), else_=column) for column in files},
    }


def _on_sqlite(accounts: int) -> Mapping[str, str]:
    moment = "strftime('%Y-%m-%d %H:%M:%f000', '{newest}', printf('%+d seconds', -({seconds})))"
    newest = f"{NEWEST:%Y-%m-%d %H:%M:%S}"
    return {
        "id": "printf('exp_%032d', 1000000000 - n)",
        "account": f"printf('shop-%03d', n % {accounts})",
        "request_hash": "printf('%064d', n)",
        "labels": f"""printf('{{"tenant": "t%d", "batch": "%d"}}', n % 5, n / {IN_A_BATCH})""",
        "created_at": moment.format(newest=newest, seconds="n"),
        "finished_at": moment.format(newest=newest, seconds="n - 600"),
    }


def _on_postgres(accounts: int) -> Mapping[str, str]:
    newest = f"timestamptz '{NEWEST.isoformat()}'"
    return {
        "id": "'exp_' || lpad((1000000000 - n)::text, 32, '0')",
        "account": f"'shop-' || lpad((n % {accounts})::text, 3, '0')",
        "request_hash": "lpad(n::text, 64, '0')",
        "labels": f"jsonb_build_object('tenant', 't' || (n % 5), 'batch', (n / {IN_A_BATCH})::text)",
        "created_at": f"{newest} - n * interval '1 second'",
        "finished_at": f"{newest} - (n - 600) * interval '1 second'",
    }
