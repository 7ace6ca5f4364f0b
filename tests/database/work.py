"""Measures how much of a database a piece of work touches, whatever the clock says."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, event

_STEPS = 10
_READS = ("SELECT", "UPDATE", "DELETE", "WITH")


@dataclass(slots=True)
class Work:
    """What was done: instructions of SQLite's machine, pages of Postgres; and the plans that led there."""

    amount: int = 0
    plans: list[str] = field(default_factory=list)


def measured(connection: Connection, work: Callable[[Connection], object]) -> Work:
    """Do the work within a savepoint, count, and take it back."""
    with connection.begin_nested() as savepoint:
        done = _on_sqlite(connection, work) if connection.dialect.name == "sqlite" else _on_postgres(connection, work)
        savepoint.rollback()
    return done


def _on_sqlite(connection: Connection, work: Callable[[Connection], object]) -> Work:
    done = Work()
    driver: Any = connection.connection.driver_connection
    with _statements(connection) as executed:
        driver.set_progress_handler(lambda: _count(done), _STEPS)
        work(connection)
        driver.set_progress_handler(None, 0)
    for statement, parameters in executed:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        done.plans.append(" / ".join(str(row[-1]) for row in rows))
    return done


def _count(done: Work) -> int:
    done.amount += _STEPS
    return 0


def _on_postgres(connection: Connection, work: Callable[[Connection], object]) -> Work:
    """Each statement runs once more, explained, on what it left behind."""
    done = Work()
    with _statements(connection) as executed:
        work(connection)
    for statement, parameters in executed:
        found = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters)
        plan = found.scalar_one()
        plan = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
        done.amount += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        done.plans.append(" / ".join(_nodes(plan)))
    return done


def _nodes(plan: dict[str, Any]) -> Iterator[str]:
    where = plan.get("Index Name") or plan.get("Relation Name") or ""
    yield f"{plan['Node Type']} {where} {plan['Actual Rows']}x{plan['Actual Loops']}".strip()
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


@contextmanager
def _statements(connection: Connection) -> Iterator[list[tuple[str, Any]]]:
    """The statements that run until the block ends, but for inserts and savepoints."""
    executed: list[tuple[str, Any]] = []

    def note(_connection: Connection, _cursor: object, statement: str, parameters: Any, *_more: object) -> None:
        if statement.lstrip().startswith(_READS):
            executed.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield executed
    finally:
        event.remove(connection, "before_cursor_execute", note)
