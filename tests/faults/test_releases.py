"""Row 66: a release beside the schema of a later one."""

import pytest
from sqlalchemy import Connection, text

from landfall.database.opening import open_database
from landfall.settings import Settings
from tests.asynchronous import run
from tests.faults.promise import assert_kept
from tests.faults.row import BOTH, Row


def expand(connection: Connection) -> None:
    """What a later release's migration does that still supports this one."""
    connection.execute(text("ALTER TABLE exports ADD COLUMN flavour VARCHAR(20)"))
    connection.execute(text("ALTER TABLE accounts ADD COLUMN colour VARCHAR(20) NOT NULL DEFAULT 'red'"))
    connection.execute(text("CREATE TABLE novelties (name VARCHAR(20) PRIMARY KEY)"))
    connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))


@pytest.mark.faults(66, "the schema of a later release")
@pytest.mark.parametrize("database_url", BOTH, indirect=True)
def test_a_worker_goes_on_beside_the_schema_of_a_later_release(row: Row, database_url: str) -> None:
    async def migrate_on() -> None:
        async with open_database(Settings(home=row.stack.home, database_url=database_url)) as database:
            await database.write(expand)

    before = row.start_worker()
    row.submit(4)
    row.inject("migration")
    run(migrate_on())
    row.submit(4)
    row.until_over()
    before.terminate()
    assert row.end_of(before) == 0
    row.start_worker()
    row.submit(4)
    row.submit(2, account="shop-ab")
    assert_kept(row)
    assert row.stack.get("/readyz").status_code == 200
