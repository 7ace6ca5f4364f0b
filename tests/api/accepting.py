"""Asks for exports as the tests of accepting do."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from sqlalchemy import Connection, delete

from landfall.database.opening import open_database
from landfall.database.service_tables import answers, batches
from landfall.database.tables import exports as exports_table
from landfall.settings import Settings
from tests.asynchronous import run
from tests.stack import Stack

EVENTS = {"report_type": "USER_EVENTS"}


def events(number: int = 1) -> dict[str, Any]:
    """A request that is another one for each number."""
    return {**EVENTS, "start": "2026-01-01", "end": f"2026-02-{number % 28 + 1:02}T{number // 28 % 24:02}:00:00Z"}


def body(number: int = 1, account: str = "shop-bwp", **more: Any) -> dict[str, Any]:
    return {"account": account, "request": events(number), **more}


def under(key: str) -> dict[str, str]:
    return {"idempotency-key": key}


def at_once(api: Stack, *calls: dict[str, Any], path: str = "/v1/exports") -> list[httpx.Response]:
    """POST all of them at the same time."""
    with ThreadPoolExecutor(len(calls)) as askers:
        return list(askers.map(lambda how: api.post(path, **how), calls))


def exports(api: Stack) -> list[dict[str, Any]]:
    """Every export, newest first."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = api.get("/v1/exports", params={"limit": 200, **({"cursor": cursor} if cursor else {})}).json()
        found, cursor = found + page["items"], page["next"]
        if cursor is None:
            return found


def empty(api: Stack) -> None:
    """Have the database hold no export and what belongs to one."""

    async def write() -> None:
        settings = Settings(home=api.home, database_url=api.settings.get("LANDFALL_DATABASE_URL", ""))
        async with open_database(settings, for_steps=True) as database:
            await database.write(_delete_all)

    run(write())


def _delete_all(connection: Connection) -> None:
    for table in (batches, answers, exports_table):
        connection.execute(delete(table))
