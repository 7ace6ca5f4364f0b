"""Promises of the database's transactions at their edges."""

from pathlib import Path

from sqlalchemy import text

from landfall.database import accounts
from landfall.database.sqlite import SqliteDatabase
from tests.asynchronous import run
from tests.database.databases import LIMITS, migrated

_COMMITS = 150  # more than lie between two checkpoints


def test_what_is_committed_after_the_close_is_not_called_a_failure(tmp_path: Path) -> None:
    async def scenario() -> float:
        database = SqliteDatabase(f"sqlite:///{migrated(tmp_path / 'landfall.db')}", durable=False)
        await database.write(lambda connection: accounts.register(connection, LIMITS))
        await database.aclose()
        for _ in range(_COMMITS):
            await database.write(lambda connection: connection.execute(text("UPDATE accounts SET turn = turn + 1")))
        turn = await database.glance(
            lambda connection: connection.execute(text("SELECT min(turn) FROM accounts")).scalar_one()
        )
        await database.aclose()
        return float(turn)

    assert run(scenario()) == _COMMITS
