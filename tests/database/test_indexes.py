"""Checks that every question that is asked often is answered from an index."""

from typing import Any

import pytest
from sqlalchemy import Connection, Select, func, select, text
from sqlalchemy.dialects import sqlite

from landfall.database.reading import Filter, _filtered
from landfall.database.tables import events, exports, holds_slot, is_live, is_queued

QUESTIONS: dict[str, tuple[Select[Any], str]] = {
    "what is due": (
        select(exports).where(exports.c.due_at <= "2026").order_by(exports.c.due_at).limit(5),
        "ix_exports_due",
    ),
    "who is next": (
        select(exports)
        .where(exports.c.account == "a", is_queued)
        .order_by(exports.c.priority.desc(), exports.c.turn, exports.c.created_at, exports.c.id)
        .limit(5),
        "ix_exports_queue",
    ),
    "how many slots are used": (
        select(func.count()).select_from(exports).where(exports.c.account == "a", holds_slot),
        "ix_exports_slots",
    ),
    "is it asked already": (
        select(exports).where(exports.c.account == "a", exports.c.request_hash == "h", is_live),
        "ix_exports_in_flight",
    ),
    "what is new": (
        _filtered(Filter()).order_by(exports.c.created_at.desc(), exports.c.id.desc()).limit(50),
        "ix_exports_newest",
    ),
    "what happened to it": (
        select(events).where(events.c.export_id == "e").order_by(events.c.id),
        "ix_events_export",
    ),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_frequent_question_is_answered_from_its_index(connection: Connection, question: str) -> None:
    query, index = QUESTIONS[question]
    compiled = query.compile(dialect=sqlite.dialect(paramstyle="named"))
    rows = connection.execute(text(f"EXPLAIN QUERY PLAN {compiled}"), dict.fromkeys(compiled.params, "1")).all()
    plan = " / ".join(row.detail for row in rows)
    assert index in plan, plan
    assert "SCAN exports USING INDEX ix_exports_newest" in plan or "SCAN" not in plan
    assert "TEMP B-TREE" not in plan
