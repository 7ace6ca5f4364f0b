"""Gives each test a migrated database of its own, once on SQLite and once on Postgres."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection

from landfall.database import accounts
from landfall.database.postgres import open_engine as open_postgres
from landfall.database.sqlite import open_engine as open_sqlite
from tests.database.bridge import Bridge, Crossing
from tests.database.databases import LIMITS, migrated
from tests.services.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated database."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{migrated(tmp_path / 'landfall.db')}"


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.new_database()
    yield url
    server.drop(url)


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    """What a test's own queries run over."""
    bridge = Bridge()
    yield bridge
    bridge.close()


@pytest.fixture
def connection(database_url: str, bridge: Bridge) -> Iterator[Connection]:
    """One transaction on a database with the accounts of LIMITS."""
    if database_url.startswith("sqlite"):
        engine = open_sqlite(
            Path(database_url.removeprefix("sqlite:///")), "BEGIN IMMEDIATE", "PRAGMA synchronous=OFF", size=1
        )
    else:
        engine = open_postgres(database_url, at_length=True, idle_in_transaction_session_timeout="0").sync_engine
    with Crossing(bridge, engine.begin()) as connection:
        bridge.run(partial(accounts.register, connection, LIMITS))
        yield connection
    bridge.run(engine.dispose)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test with a transaction on the bridge that the transaction was begun on."""
    bridge = pyfuncitem.funcargs.get("bridge")
    if not isinstance(bridge, Bridge):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    bridge.run(partial(pyfuncitem.obj, **{name: pyfuncitem.funcargs[name] for name in names}))
    return True
