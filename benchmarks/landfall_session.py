"""Asks a running Landfall for exports over HTTP and sees when they are stored."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import httpx
import psutil

from benchmarks.contender import Setting
from benchmarks.errors import NotFinishedError
from benchmarks.landfall_processes import (
    environment,
    free_port,
    migrate,
    new_key,
    running,
    submission,
    wait_for_workers,
    wait_until_ready,
    write_config,
)
from landfall.transport.embedded import EmbeddedRedis
from tests.services.postgres import NoPostgresError, running_postgres

_ASKERS = 8
_PAGE = 200


@dataclass
class LandfallSession:
    """An API and its workers."""

    client: httpx.Client
    accounts: int
    processes: list[psutil.Process]
    batch: int = 0
    asked: int = 0

    @property
    def workers(self) -> list[psutil.Process]:
        """All but the API."""
        return self.processes[1:]

    def ask(self, exports: int) -> float:
        """POST as fast as it goes, every account in turn; the first by itself, to know when it was accepted."""
        self.batch += 1
        bodies = [
            submission(number, self.asked + nth, str(self.batch))
            for nth in range(exports)
            for number in range(self.accounts)
        ]
        self.asked += exports
        self._post(bodies[0])
        accepted_at = time.time()
        with ThreadPoolExecutor(_ASKERS) as askers:
            list(askers.map(self._post, bodies[1:]))
        return accepted_at

    def stored_at(self) -> list[float]:
        """Read `finished_at` of the batch's exports that are stored."""
        return [datetime.fromisoformat(item["finished_at"]).timestamp() for item in self._stored()]

    def _post(self, body: dict[str, object]) -> None:
        answer = self.client.post("/v1/exports", json=body)
        if answer.status_code != httpx.codes.ACCEPTED:
            raise NotFinishedError(f"Landfall answered {answer.status_code} to a submission: {answer.text[:200]}")

    def _stored(self) -> Iterator[dict[str, str]]:
        cursor: str | None = None
        while True:
            wanted = {"state": "stored", "label": f"batch:{self.batch}", "limit": str(_PAGE)}
            page = self.client.get("/v1/exports", params=wanted | ({"cursor": cursor} if cursor else {})).json()
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return


def landfall(
    workers: int = 1, *, postgres: bool = False, max_jobs: int | None = None
) -> Callable[[Setting], AbstractContextManager[LandfallSession]]:
    """Landfall with one API and so many worker processes, over SQLite or a Postgres that waits for its disk.

    Each worker runs `max_jobs` steps at once, as many as by default where it is None.
    """
    few = {} if max_jobs is None else {"LANDFALL_MAX_JOBS": str(max_jobs)}

    @contextmanager
    def open_on_postgres(setting: Setting) -> Iterator[LandfallSession]:
        try:
            with running_postgres(durable=True) as server:
                variables = {**setting.variables, "LANDFALL_DATABASE_URL": server.new_database()}
                with open_session(replace(setting, variables=variables)) as session:
                    yield session
        except NoPostgresError as error:
            raise NotFinishedError(str(error)) from None

    @contextmanager
    def open_session(setting: Setting) -> Iterator[LandfallSession]:
        home, case, port = setting.home / "home", setting.case, free_port()
        variables = {"LANDFALL_POLL_FLOOR_SECONDS": str(case.poll_floor), **few, **setting.variables}
        env = environment(home, port, case.accounts, variables)
        write_config(home, setting.vendor.base_url, case.accounts)
        url = f"http://127.0.0.1:{port}"
        migrate(home, env)
        redis = EmbeddedRedis(home)
        # Started here, so that it is no child of the processes that are measured.
        redis.ensure()
        try:
            with (
                running(home, env, ["api", *["worker"] * workers]) as processes,
                httpx.Client(base_url=url, headers=new_key(home, env), trust_env=False, timeout=60) as client,
            ):
                wait_until_ready(client, home / "0.log")
                wait_for_workers(home, workers)
                yield LandfallSession(client, case.accounts, [psutil.Process(each.pid) for each in processes])
        finally:
            redis.stop()

    return open_on_postgres if postgres else open_session
