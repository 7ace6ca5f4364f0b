"""Gives each test a migrated database of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from landfall.database import accounts
from landfall.database.connection import open_engine
from tests.database.databases import LIMITS, migrated


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A migrated database with the accounts of LIMITS."""
    path = migrated(tmp_path / "landfall.db")
    engine = open_engine(path, "BEGIN IMMEDIATE", "PRAGMA synchronous=OFF", size=4)
    with engine.begin() as connection:
        accounts.register(connection, LIMITS)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """One transaction on that database."""
    with engine.begin() as connection:
        yield connection
