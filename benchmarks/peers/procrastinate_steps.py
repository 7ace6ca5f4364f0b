"""Lands exports as three Procrastinate tasks (start, poll, download) on Postgres, which also keeps the slots."""

import sys
import time
from functools import cache

import uvloop
from procrastinate import App, PsycopgConnector

from benchmarks.peers.async_vendor import AsyncVendor
from benchmarks.peers.stage import accepted, is_worker, play, worker_ready
from benchmarks.peers.work import Work

# Scheduled jobs wake nobody when they fall due, so the worker has to look; the default is 5 s.
_FETCH_SECONDS = 0.05
_SLOTS = """
CREATE TABLE slots (account text PRIMARY KEY, taken int NOT NULL);
CREATE TABLE waiting (id bigserial PRIMARY KEY, account text NOT NULL, nth int NOT NULL);
CREATE INDEX ON waiting (account, id);
"""
_ENTER = """
INSERT INTO slots VALUES (%(account)s, 1)
ON CONFLICT (account) DO UPDATE SET taken = slots.taken + 1 WHERE slots.taken < %(slots)s RETURNING 1 AS taken
"""
_WAIT = "INSERT INTO waiting (account, nth) VALUES (%(account)s, %(nth)s)"
_LEAVE = """
WITH lock AS (SELECT account FROM slots WHERE account = %(account)s FOR UPDATE), following AS (
    DELETE FROM waiting WHERE id = (SELECT id FROM waiting JOIN lock USING (account) ORDER BY id LIMIT 1) RETURNING nth
), freed AS (
    UPDATE slots SET taken = taken - 1 WHERE account = %(account)s AND NOT EXISTS (SELECT FROM following) RETURNING 1
)
SELECT nth FROM following
"""

_WORK = Work.given()
_CONNECTOR = PsycopgConnector(conninfo=_WORK.postgres, min_size=4, max_size=10)
app = App(connector=_CONNECTOR)


@cache
def _vendor() -> AsyncVendor:
    return AsyncVendor(_WORK)


@app.task(name="start")
async def start(account: str, nth: int) -> None:
    """Start the report."""
    task = await _vendor().start(account, nth)
    later = poll.configure(schedule_in={"seconds": _WORK.delay(0)})
    await later.defer_async(account=account, nth=nth, task=task, started_at=time.time())


@app.task(name="poll")
async def poll(account: str, nth: int, task: str, started_at: float) -> None:
    """Ask how it stands; when it is finished, download it and give its slot away."""
    if not await _vendor().is_finished(account, task):
        later = poll.configure(schedule_in={"seconds": _WORK.delay(time.time() - started_at)})
        await later.defer_async(account=account, nth=nth, task=task, started_at=started_at)
        return
    for following in await _CONNECTOR.execute_query_all_async(_LEAVE, account=account):
        await start.defer_async(account=account, nth=following["nth"])
    await download.defer_async(account=account, nth=nth, task=task)


@app.task(name="download")
async def download(account: str, nth: int, task: str) -> None:
    """Fetch the file."""
    await _vendor().download(account, task, nth)


async def _prepare() -> None:
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        for statement in _SLOTS.split(";"):
            if statement.strip():
                await _CONNECTOR.execute_query_async(statement)


async def _work() -> None:
    async with app.open_async():
        worker_ready()
        await app.run_worker_async(
            concurrency=50, fetch_job_polling_interval=_FETCH_SECONDS, delete_jobs="successful", name="bench"
        )


async def _ask(work: Work) -> None:
    async with app.open_async():
        for index, (account, nth) in enumerate(work.all):
            if await _CONNECTOR.execute_query_all_async(_ENTER, account=account, slots=work.slots):
                await start.defer_async(account=account, nth=nth)
            else:
                await _CONNECTOR.execute_query_async(_WAIT, account=account, nth=nth)
            if index == 0:
                accepted()


if __name__ == "__main__":
    if is_worker():
        sys.exit(uvloop.run(_work()))
    uvloop.run(_prepare())
    play(lambda work: uvloop.run(_ask(work)), "benchmarks.peers.procrastinate_steps")
