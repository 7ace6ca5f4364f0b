"""Checks that docs/reference/dashboards.md tells of each view what it has, and that its questions can be asked."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from landfall.database import views
from landfall.database.clock import UtcDateTime
from tests.database.databases import migrated
from tests.database.planted import plant

_PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "dashboards.md").read_text(encoding="utf-8")
_SECTIONS = {
    found[1]: found[2] for found in re.finditer(r"^## (ops_\w+)\n(.*?)(?=^## )", _PAGE, re.MULTILINE | re.DOTALL)
}
_ROW = re.compile(r"^\| `(\w+)` \|([^|]*)\|([^|]*)\|([^|]+)\|$", re.MULTILINE)
_QUESTIONS = re.findall(r"^```sql\n(.*?)^```", _PAGE, re.MULTILINE | re.DOTALL)
_TYPES = {"TEXT": "text", "BIGINT": "integer", "DOUBLE": "real", "BOOLEAN": "boolean"}
_ONLY = {"-- Postgres": "postgresql", "-- SQLite": "sqlite"}


def test_every_view_has_a_section() -> None:
    assert set(_SECTIONS) == set(views.metadata.tables)


@pytest.mark.parametrize("name", sorted(views.metadata.tables))
def test_each_column_is_told_with_its_type_and_meaning_in_its_order(name: str) -> None:
    told = [(column, kind.strip()) for column, kind, _, meaning in _ROW.findall(_SECTIONS[name]) if meaning.strip()]
    assert told == [
        (column.name, "timestamp" if isinstance(column.type, UtcDateTime) else _TYPES[str(column.type)])
        for column in views.metadata.tables[name].c
    ]


def test_a_duration_is_told_in_seconds() -> None:
    for section in _SECTIONS.values():
        units = {column: unit.strip() for column, _, unit, _ in _ROW.findall(section)}
        assert {column for column in units if column.endswith("seconds")} == {
            column for column, unit in units.items() if unit == "s"
        }


@pytest.mark.parametrize("question", _QUESTIONS, ids=range(len(_QUESTIONS)))
def test_each_question_can_be_asked_and_finds_something(connection: Connection, question: str) -> None:
    dialect = _ONLY.get(question.partition("\n")[0])
    if dialect and dialect != connection.dialect.name:
        pytest.skip(f"this is how to ask {dialect}")
    plant(connection)
    found = connection.execute(text(question.rstrip().rstrip(";").replace(":", r"\:"))).all()
    assert found or "'-1 day'" in question or "interval '1 day'" in question


def test_a_file_that_is_opened_read_only_answers_and_takes_nothing(tmp_path: Path) -> None:
    path = migrated(tmp_path / "landfall.db")
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as reader:
        assert reader.execute("SELECT count(*) FROM ops_exports").fetchone() == (0,)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.execute("UPDATE accounts SET max_started = 9")
