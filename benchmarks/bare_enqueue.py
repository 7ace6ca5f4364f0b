"""Serves what Landfall's enqueue is measured against: a FastAPI route that inserts a row with SQLAlchemy Core."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import uuid_utils
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import Connection, insert

from landfall.database.accounts import register
from landfall.database.postgres import open_engine as open_postgres
from landfall.database.rows import row_of
from landfall.database.sqlite import open_engine as open_sqlite
from landfall.database.sqlite import sqlite_path
from landfall.database.tables import exports
from landfall.database.urls import is_postgres
from landfall.exports.job import ExportJob
from landfall.exports.throttle import AccountLimits

_POOL_SIZE = 10
_INSERT = insert(exports)


class Asked(BaseModel):
    """The body, taken as it is."""

    account: str
    request: dict[str, Any]
    labels: dict[str, str] = {}


def main() -> None:
    """Serve on the port, over the database, both named on the command line."""
    port, url = int(sys.argv[1]), sys.argv[2]
    uvicorn.run(create_app(url), port=port, loop="uvloop", http="httptools", access_log=False, log_level="warning")


def create_app(url: str) -> FastAPI:
    """One route, one transaction a request, its commit synced as the API's is."""
    app = FastAPI(lifespan=_on_postgres(url) if is_postgres(url) else _on_sqlite(url))

    @app.post("/v1/exports", status_code=202)
    async def submit(asked: Asked) -> dict[str, Any]:
        row = _row(asked)
        await app.state.write(lambda connection: connection.execute(_INSERT, row))
        return {"id": row["id"], "account": asked.account, "request": asked.request, "state": row["state"]}

    return app


def _row(asked: Asked) -> dict[str, Any]:
    return row_of(
        ExportJob(
            id=f"exp_{uuid_utils.uuid7().hex}",
            account=asked.account,
            vendor="buy_with_prime",
            report_type="USER_EVENTS",
            request=asked.request,
            request_hash=uuid_utils.uuid7().hex * 2,
            created_at=datetime.now(UTC),
            deadline=timedelta(hours=12),
            labels=asked.labels,
        )
    )


def _on_sqlite(url: str) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # One connection: SQLite has one writer, and those who wait for it in line do not wait for its lock.
        engine = open_sqlite(sqlite_path(url), "BEGIN IMMEDIATE", "PRAGMA synchronous=FULL", size=1)

        def run(work: Callable[[Connection], object]) -> None:
            with engine.begin() as connection:
                work(connection)

        async def write(work: Callable[[Connection], object]) -> None:
            await asyncio.to_thread(run, work)

        await write(lambda connection: register(connection, {"bench-000": AccountLimits("buy_with_prime", 5)}))
        app.state.write = write
        yield
        engine.dispose()

    return lifespan


def _on_postgres(url: str) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        engine = open_postgres(url, pool_size=_POOL_SIZE)

        async def write(work: Callable[[Connection], object]) -> None:
            async with engine.begin() as connection:
                await connection.run_sync(work)

        await write(lambda connection: register(connection, {"bench-000": AccountLimits("buy_with_prime", 5)}))
        app.state.write = write
        yield
        await engine.dispose()

    return lifespan


if __name__ == "__main__":
    main()
