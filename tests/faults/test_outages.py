"""Row 25 once more: what a worker is in the middle of while the database is away stays its own."""

from datetime import datetime

import pytest

from tests.faults.promise import assert_kept
from tests.faults.row import Row
from tests.services.postgres import Postgres
from tests.stack import until

LARGE = 3_000_000
LEASE_SECONDS = 5
# Three a lease.
MISSED_RENEWALS = 4


@pytest.fixture
def database_url(server_url: str) -> str:
    return server_url


@pytest.mark.faults(25, "Postgres away for more than a lease", settings={"LANDFALL_LEASE_SECONDS": str(LEASE_SECONDS)})
def test_a_lease_that_ran_out_while_the_database_was_away_is_no_silence_of_its_worker(
    row: Row, server: Postgres, database_url: str
) -> None:
    """The other worker hears of the database first: it waits whether the holder is heard of, too."""
    if not server.is_ours:
        pytest.skip("the server of TEST_DATABASE_URL is not ours to be stopped")
    row.stack.sandbox.fault("body_size", bytes=LARGE)
    (holder,) = row.start_workers(1, "download.chunk=wait:go@2")
    (id_,) = row.submit()
    row.until_struck("download.chunk")
    row.start_workers(1)
    server.stop()
    until(lambda: row.stack.log("worker").count("leases were not renewed") >= MISSED_RENEWALS, "missed renewals")
    row.stop(holder)
    server.start()
    row.inject("Postgres away")
    for _ in range(2):
        before = sweeps_until(server, database_url)
        until(lambda before=before: sweeps_until(server, database_url) != before, "a round of the other worker")  # type: ignore[misc]  # mypy does not infer a lambda with a default
    row.resume(holder)
    (row.marks / "go").touch()
    assert_kept(row)
    assert "rescued" not in row.kinds(id_)
    assert (row.starts(), row.fenced(), row.stack.sandbox.stats()["downloads"]) == (1, 0, 1)
    row.note(rescued=0, fenced=0)


def sweeps_until(server: Postgres, url: str) -> datetime:
    """When the duty to sweep runs out: it is renewed in each round or two."""
    (found,) = server.execute("SELECT until FROM duties WHERE name = 'sweep'", url=url)
    moment: datetime = found["until"]
    return moment
