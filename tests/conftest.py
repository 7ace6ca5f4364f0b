"""Gives every test that asks for it a real Postgres, and programs that heed Ctrl-C to all."""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from landfall.database.migrate import migrate
from landfall.settings import Settings
from tests.services.postgres import NoPostgresError, Postgres, running_postgres

# No test is timed: on a busy machine an example takes as long as it takes.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# A shell starts what runs in its background deaf to Ctrl-C, and so would be all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for all tests of a process."""
    try:
        with running_postgres() as server:
            yield server
    except NoPostgresError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    """The URL of a migrated database that nobody uses, to be copied."""
    url = postgres.new_database()
    migrate(Settings(database_url=url))
    return url


@pytest.fixture
def postgres_url(postgres: Postgres, postgres_template: str) -> Iterator[str]:
    """A migrated database of the test's own."""
    url = postgres.new_database(postgres_template)
    yield url
    postgres.drop(url)
