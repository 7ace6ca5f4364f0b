"""Checks what a scrape of /metrics tells while the database is away, when it matters most."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from landfall.database.keys import Scope
from landfall.settings import Settings
from tests.api.conftest import NOWHERE
from tests.exposed import Exposed
from tests.services.wire import Wire, running_wire
from tests.stack import Stack, new_key, run_stack, until
from tests.vendors.sandbox_process import Sandbox

AWAY = [
    pytest.param(Wire.end, id="nothing listens"),
    # Each scrape of such a server takes six seconds.
    pytest.param(lambda wire: wire.silence(new_too=True), id="nothing answers", marks=pytest.mark.slow),
]


@pytest.fixture
def wire(postgres_url: str) -> Iterator[Wire]:
    with running_wire(urlsplit(postgres_url).port or 0) as wire:
        yield wire


@pytest.fixture
def api(tmp_path: Path, postgres_url: str, wire: Wire) -> Iterator[Stack]:
    """An API whose way to Postgres is the wire."""
    parts = urlsplit(postgres_url)
    url = parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{wire.port}").geturl()
    vendors = Sandbox(f"{NOWHERE}/intelligems", f"{NOWHERE}/buywithprime", f"{NOWHERE}/_sandbox")
    with run_stack(tmp_path / "home", vendors, settings={"LANDFALL_DATABASE_URL": url}) as stack:
        stack.start_api()
        yield stack


def scraped(api: Stack, key: str) -> Exposed:
    answer = api.get("/metrics", headers={"authorization": f"Bearer {key}"}, timeout=10)
    assert answer.status_code == 200, "Prometheus would take the API for dead"
    return Exposed(answer.text)


@pytest.mark.parametrize("going", AWAY)
def test_a_scrape_tells_that_the_database_is_away_to_whose_key_was_good(
    api: Stack, wire: Wire, postgres_url: str, going: Callable[[Wire], object]
) -> None:
    key = new_key(Settings(home=api.home, database_url=postgres_url), Scope.READ)
    assert scraped(api, key).one("landfall_database_up") == 1
    going(wire)
    until(lambda: scraped(api, key).one("landfall_database_up") == 0, "a database that is away")
    # For a second a key is good without a question: until the next but one scrape, which the database is asked for.
    until(
        lambda: api.get("/v1/exports", headers={"authorization": f"Bearer {key}"}, timeout=60).status_code == 503,
        "a 503",
    )
    away = scraped(api, key)
    assert away.one("landfall_database_up") == 0
    assert away.one("landfall_part_up", part="database") == 0
    wire.heal()


def test_a_key_that_nobody_has_looked_up_gets_no_scrape_without_the_database(
    api: Stack, wire: Wire, postgres_url: str
) -> None:
    key = new_key(Settings(home=api.home, database_url=postgres_url), Scope.READ)
    wire.end()
    assert api.get("/metrics", headers={"authorization": f"Bearer {key}"}).status_code == 503
