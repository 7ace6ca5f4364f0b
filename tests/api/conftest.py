"""Gives the API's tests one API without a worker: what is asked for stays where it was put."""

from collections.abc import Iterator

import pytest

from tests.services.postgres import Postgres
from tests.stack import Stack, run_stack
from tests.vendors.sandbox_process import Sandbox

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    vendors = Sandbox(f"{NOWHERE}/intelligems", f"{NOWHERE}/buywithprime", f"{NOWHERE}/_sandbox")
    with run_stack(tmp_path_factory.mktemp("api") / "home", vendors) as stack:
        stack.start_api()
        yield stack


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An API of the module's own, on each database."""
    vendors = Sandbox(f"{NOWHERE}/intelligems", f"{NOWHERE}/buywithprime", f"{NOWHERE}/_sandbox")
    settings = {}
    if request.param == "postgres":
        server: Postgres = request.getfixturevalue("postgres")
        settings["LANDFALL_DATABASE_URL"] = server.new_database(request.getfixturevalue("postgres_template"))
    with run_stack(tmp_path_factory.mktemp("api") / "home", vendors, settings=settings) as stack:
        stack.start_api()
        yield stack
