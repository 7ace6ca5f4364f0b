"""Checks that no view, asked as dashboards ask, costs more for the exports that have ended, on both databases."""

from datetime import timedelta
from functools import partial

from sqlalchemy import Connection, insert, text, update

from landfall.database import batches, service_tables
from landfall.database import tables as t
from tests.database import many_exports, many_hours
from tests.database.many_exports import NEWEST, account_name, export_id
from tests.database.view_questions import questions
from tests.database.work import Work, measured
from tests.exports.jobs import make_job

_FEW, _MANY = 2500, 10_000
_ACCOUNTS, _HOURS = 5, 48
# A level more of each tree for a hundred rows and their exports: pages of Postgres, instructions of SQLite.
_DEEPER = {"postgresql": 700, "sqlite": 3000}
_QUESTIONS = questions(NEWEST, account_name(3), export_id(500), days=1)


def _furnish(connection: Connection, first: int, last: int) -> None:
    many_exports.fill(connection, first, last, accounts=_ACCOUNTS, failed_every=20)
    ids = [export_id(number) for number in range(10, _FEW // 2, 20)]
    for table, column in ((t.exports, t.exports.c.id), (t.events, t.events.c.export_id)):
        found = update(table).where(column.in_(ids))
        connection.execute(found.values(error_code="report_lost", error_message="gone", error_action="again"))
    many_hours.fill(connection, NEWEST, *((0, _HOURS - 1) if first == 0 else (_HOURS, 4 * _HOURS)), accounts=_ACCOUNTS)
    made = [make_job(id=export_id(number), account=account_name(number % _ACCOUNTS)) for number in range(first, last)]
    for number, job in enumerate(made[:150]):
        batches.create(connection, f"bat_{first + number:06}", [(job, True)], {})
    batches.finish(connection, len(made))
    delivery = {"type": "export.stored", "subject": "exp_1", "payload": "{}", "attempts": 1, "finished_at": NEWEST}
    told = [
        {"id": f"msg_{number:06}", "created_at": NEWEST - timedelta(seconds=number), "state": "delivered"}
        for number in range(first, last)
    ]
    connection.execute(insert(service_tables.deliveries), [each | delivery for each in told])
    if connection.dialect.name == "postgresql":
        many_exports.gather_statistics(connection)


def _ask(connection: Connection, question: str) -> None:
    connection.execute(text(question)).all()


def _compare(connection: Connection, asked: dict[str, str]) -> dict[str, tuple[Work, Work]]:
    """What each question touches with few exports behind it, and with many."""
    many_exports.prepare(connection, _ACCOUNTS)
    found = []
    for first, last in ((0, _FEW - 1), (_FEW, _MANY - 1)):
        _furnish(connection, first, last)
        found.append({name: measured(connection, partial(_ask, question=sql)) for name, sql in asked.items()})
    return {name: (found[0][name], found[1][name]) for name in asked}


def test_no_view_costs_more_for_what_has_ended(connection: Connection) -> None:
    allowed = _DEEPER[connection.dialect.name]
    for name, (few, many) in _compare(connection, dict(_QUESTIONS)).items():
        assert few.plans, f"{name}: nothing was measured"
        assert many.amount <= 1.5 * few.amount + allowed, (name, few, many)
        plans = " ".join(many.plans)
        assert "Seq Scan exports" not in plans, (name, plans)
        assert "Seq Scan events" not in plans, (name, plans)
