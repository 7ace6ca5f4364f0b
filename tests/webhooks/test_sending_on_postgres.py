"""Promises of the sender where another worker holds the rows that are due."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import asyncpg
import pytest
from sqlalchemy import Connection

from landfall.database.postgres import PostgresDatabase
from tests.asynchronous import run
from tests.webhooks.house import hook as table
from tests.webhooks.house import house, plant_secrets, until, webhooks
from tests.webhooks.receiver import receiver

T = TypeVar("T")


@pytest.mark.slow
def test_what_another_worker_is_just_taking_is_looked_at_again_no_sooner_than_all_else(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that was stopped in that moment holds its rows for seconds."""
    plant_secrets(monkeypatch)
    looks: list[str] = []

    class Watched(PostgresDatabase):
        async def glance(self, work: Callable[[Connection], T]) -> T:
            looks.append("look")
            return await super().glance(work)

        async def write(self, work: Callable[[Connection], T]) -> T:
            looks.append("claim")
            return await super().write(work)

    async def scenario() -> None:
        async with (
            house(tmp_path, webhooks({"ops": table(hook.url)})) as found,
            Watched(postgres_url, pool_size=3) as here,
        ):
            found.database = here
            await found.put(*[""] * 20, webhook="ops")
            other = await asyncpg.connect(postgres_url)
            async with other.transaction():
                await other.execute("SELECT id FROM deliveries FOR UPDATE")
                looks.clear()
                async with found.sending():
                    await until(lambda: looks.count("look") > 2, "that it looks thrice")
            await other.close()
            assert looks.count("claim") <= looks.count("look")
            assert not hook.got

    with receiver() as hook:
        run(scenario())
