"""Lets four workers land exports of twenty accounts while everything around them breaks: `python -m tests.faults.chaos`."""

import argparse
import random
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.faults.chaos import accounts as made
from tests.faults.chaos.clients import Clients
from tests.faults.chaos.monkey import Monkey
from tests.faults.chaos.verdict import Promise, lines, promises
from tests.faults.row import Row, Terms, store_of
from tests.services.postgres import NoPostgresError, Postgres, running_postgres
from tests.stack import run_stack
from tests.story.store_watch import first_sizes
from tests.vendors.sandbox_process import run_sandbox

LAST_EXPORTS_SECONDS = 120.0
# No report takes half as long: a start whose answer is lost keeps its slot until it has surely ended.
LOST_START_SECONDS = 25
SETTINGS = {
    "LANDFALL_LEASE_SECONDS": "2",
    "LANDFALL_MAX_CRASHES": "20",  # what is killed here has nothing to do with what it was doing
    "LANDFALL_SWEEP_SECONDS": "0.5",
    "LANDFALL_LOST_START_SECONDS": str(LOST_START_SECONDS),
    "LANDFALL_POLL_FLOOR_SECONDS": "0.2",
    "LANDFALL_LOG_LEVEL": "info",
}
SANDBOX = (
    "--build-mean",
    "2",
    "--build-sigma",
    "0.4",
    "--bytes",
    "20000",
    "--rate-burst",
    "100000",
    "--max-started",
    "1000",
)


@contextmanager
def installation(seed: str, server: Postgres, home: Path) -> Iterator[tuple[Row, list[made.Account]]]:
    """An API on Postgres, a sandbox that refuses nothing, and the accounts."""
    accounts = list(made.make_accounts())
    url = server.new_database()
    settings = {**SETTINGS, **made.secrets(accounts), "LANDFALL_DATABASE_URL": url}
    marks = home.parent / "strikes"
    marks.mkdir()
    with (
        run_sandbox("--seed", str(random.Random(seed).randrange(10**6)), *SANDBOX) as sandbox,
        run_stack(home, sandbox, made.tables(accounts, sandbox), settings) as stack,
        first_sizes(store_of(home), every=0.25) as sizes,
    ):
        stack.by_fork = False  # here even the start is to be what it is
        row = Row(Terms(0, "chaos"), stack, marks, random.Random(seed), sizes)
        row.start_api()
        yield row, accounts


def run(seed: str, minutes: float, exports: int, server: Postgres, folder: Path) -> list[Promise]:
    """One run; prints its table."""
    with installation(seed, server, folder / "home") as (row, accounts):
        monkey = Monkey(row, server, accounts)
        monkey.begin()
        clients = Clients(row.stack, accounts, exports, minutes * 60, seed)
        clients.start()
        end = time.monotonic() + minutes * 60 + LAST_EXPORTS_SECONDS
        try:
            # Until all is asked for: where nothing is under way, nothing can go wrong.
            monkey.act_until(lambda: clients.done or time.monotonic() >= end)
        finally:
            clients.stop()
        monkey.make_peace()
        httpx.delete(f"{row.stack.sandbox.control}/faults", trust_env=False).raise_for_status()
        found = promises(row, monkey, clients, LAST_EXPORTS_SECONDS)
        for line in (*lines(row, monkey, clients, found), *clients.errors):
            _say(line)
    return found


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - it is a command


def main() -> int:
    """Exit code 1 where a promise was not kept, 2 where the machine has no Postgres."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.chaos", description=__doc__)
    parser.add_argument("--seed", default=str(secrets.randbelow(10**6)), help="repeats the order of what is injected")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--exports", type=int, default=500)
    asked = parser.parse_args()
    _say(f"chaos, seed {asked.seed}, {asked.minutes:g} minutes, {asked.exports} exports")
    folder = Path(tempfile.mkdtemp(prefix="landfall-chaos-"))
    try:
        with running_postgres() as server:
            if not server.is_ours:
                _say("The chaos stops and starts its Postgres: unset TEST_DATABASE_URL.")
                return 2
            broken = [each for each in run(asked.seed, asked.minutes, asked.exports, server, folder) if not each.kept]
    except NoPostgresError as why:
        _say(f"There is no Postgres here: {why}")
        return 2
    if broken:
        _say(f"BROKEN with seed {asked.seed}: {', '.join(each.words for each in broken)}; the logs are in {folder}")
        return 1
    shutil.rmtree(folder)
    _say(f"every promise kept, seed {asked.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
