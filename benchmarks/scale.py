"""Measures case F, a million ended exports behind everything, beside the same with a thousand: `python -m benchmarks.scale`."""

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop
from sqlalchemy import Connection, TextClause, text

from api import acceptance
from api.auth import Caller
from api.schemas.submission import Submission
from benchmarks.ideal import percentile
from landfall.database import accounts, admission, explaining, following, gauges, ledger, news, reading, same_requests
from landfall.database.connection import Database
from landfall.database.migrate import migrate
from landfall.database.opening import open_database
from landfall.database.postgres import write_at_length
from landfall.database.reading import Filter, Position
from landfall.database.sqlite import open_engine, sqlite_path
from landfall.database.steering import write_cancel
from landfall.exports.policy import Policy
from landfall.exports.states import State
from landfall.settings import Settings
from landfall.vendors.catalog import parse_accounts
from tests.database import many_exports, many_hours
from tests.database.many_exports import COMMON_VENDOR, NEWEST, account_name, export_id
from tests.database.view_questions import questions
from tests.services.postgres import running_postgres

_ACCOUNTS = 16
_FEW = 1000
_CHUNK = 50_000
_FAILED_OF_FEW = 100
_PAGE = 51
# The tallies: of as many hours as the views are asked for, and of three months.
_HOURS_SHOWN, _HOURS = 7 * 24, 90 * 24
_QUEUE = account_name(1)
_SECRET = {"env": "UNUSED"}
_CONFIGURED = parse_accounts(
    {_QUEUE: {"vendor": COMMON_VENDOR, "client_id": _SECRET, "client_secret": _SECRET, "target_id": "bench"}}
)
_WARM_UP = 20
# More than the slots: the last one that is handed over goes to somebody, too.
_QUEUED = 10

Question = Callable[[Database, int], Awaitable[object]]


def main() -> int:
    """Fill both databases, ask both in turn, print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgres", action="store_true", help="on Postgres instead of SQLite")
    parser.add_argument("--exports", type=int, default=1_000_000, help="ended exports in the greater database")
    parser.add_argument("--repeat", type=int, default=300, help="how often each question is asked")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        make = stack.enter_context(on_postgres() if arguments.postgres else on_sqlite())
        settings = []
        for count in (_FEW, arguments.exports):
            settings.append(Settings(database_url=make()))
            began = time.monotonic()
            size = furnish(settings[-1], count)
            _say(f"{count} exports: {size / 1e6:.0f} MB, filled in {time.monotonic() - began:.0f} s")
        figures = uvloop.run(_measure(settings, arguments.repeat))
        _say(f"\n{_heading(arguments.exports)}")
        for name, (few, many) in figures.items():
            _say(_row(name, few, many))
    _say(f"\nload average {os.getloadavg()[0]:.1f}")
    return 0


def _list(wanted: Filter, after: Position | None = None) -> Callable[[Connection], object]:
    return partial(reading.page, wanted=wanted, after=after, limit=_PAGE)


def _reads(exports: int) -> dict[str, Callable[[Connection], object]]:
    middle = Position(NEWEST - timedelta(seconds=exports // 2), export_id(exports // 2))
    return {
        "first page": _list(Filter()),
        "a page in the middle": _list(Filter(), middle),
        "first page of an account": _list(Filter(account=account_name(3))),
        "first page of state failed": _list(Filter(states=[State.FAILED])),
        "first page of a batch (label)": _list(Filter(labels=[("batch", "7")])),
        "one export": partial(ledger.find, export_id=export_id(exports // 2)),
        "its timeline": partial(reading.timeline, export_id=export_id(exports // 2)),
        "GET /v1/accounts": partial(accounts.stand, names=[account_name(number) for number in range(_ACCOUNTS)]),
        "explain one that waits": lambda connection: explaining.gather(connection, _waiting(connection)),
        "the newest events": _newest_events,
        "GET /metrics": gauges.count,
        "reuse: the stored file of a request": _reuse(exports),
        "sweep: what is due": partial(ledger.find_overdue, limit=500),
        "sweep: who has room": admission.accounts_with_room,
        "sweep: whose end is untold": news.any_untold,
        **{name: partial(_ask, question=text(sql)) for name, sql in _of_views(exports).items()},
    }


def _of_views(exports: int) -> Mapping[str, str]:
    return questions(NEWEST, account_name(3), export_id(exports // 2))


def _ask(connection: Connection, question: TextClause) -> object:
    return connection.execute(question).all()


def _waiting(connection: Connection) -> str:
    queued = reading.page(connection, Filter(account=_QUEUE, states=[State.QUEUED]), None, 1)
    return queued[0].id


def _newest_events(connection: Connection) -> object:
    newest = following.newest(connection)
    return following.between(connection, newest - _PAGE, newest, limit=_PAGE)


def _reuse(exports: int) -> Callable[[Connection], object]:
    hashes = [f"{exports // 2:064}"]
    return partial(same_requests.stored, account=account_name(exports // 2 % _ACCOUNTS), hashes=hashes)


async def _measure(settings: Sequence[Settings], repeat: int) -> dict[str, list[list[float]]]:
    """Seconds by question and database; both are asked in turn, so that what else runs weighs on both."""
    databases = [open_database(each, for_steps=True) for each in settings]
    try:
        counts = [await each.read(_count) for each in databases]
        for database in databases:
            for number in range(_QUEUED):
                await _enqueue(database, -_WARM_UP - 1 - number)
        asked = [_questions(count) for count in counts]
        figures: dict[str, list[list[float]]] = {}
        for name in asked[0]:
            seconds: list[list[float]] = [[] for _ in databases]
            for number in range(-_WARM_UP, repeat):
                for database, questions, taken in zip(databases, asked, seconds, strict=True):
                    began = time.perf_counter()
                    await questions[name](database, number)
                    if number >= 0:
                        taken.append(time.perf_counter() - began)
            figures[name] = seconds
        return figures
    finally:
        await asyncio.gather(*(each.aclose() for each in databases))


def _count(connection: Connection) -> int:
    return int(connection.execute(text("SELECT count(*) FROM exports")).scalar_one())


def _questions(exports: int) -> dict[str, Question]:
    def reading_of(work: Callable[[Connection], object]) -> Question:
        return lambda database, _number: database.read(work)

    writes: dict[str, Question] = {"enqueue": _enqueue, "admission: a slot goes to the next": _hand_over}
    return writes | {name: reading_of(work) for name, work in _reads(exports).items()}


async def _enqueue(database: Database, number: int) -> None:
    """As the API does, from the submission to the committed row."""
    end = NEWEST + timedelta(minutes=number)
    request = {"report_type": "USER_EVENTS", "start": "2026-01-01", "end": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
    submission = Submission(account=_QUEUE, request=request, labels={"batch": "now"})
    asked = acceptance.check(submission, _CONFIGURED, Caller("key_bench", "bench"))
    await database.write(partial(acceptance.accept, every=[asked]))


async def _hand_over(database: Database, _number: int) -> None:
    """A cancelled export frees its slot, and the same transaction admits the next of the queue."""

    def work(connection: Connection) -> None:
        running = ledger.find_overdue(connection, 1)[0][0]
        settled = write_cancel(connection, running, Policy())
        if settled is None or len(settled.admitted) != 1:
            raise RuntimeError("a slot was not handed over")

    await database.write(work)


def furnish(settings: Settings, count: int) -> int:
    """Migrate and fill; returns the bytes that it takes."""
    migrate(settings)
    prepare = partial(many_exports.prepare, count=_ACCOUNTS)
    # As many of them in both: a page of them is a page of the same length.
    every = count // _FAILED_OF_FEW
    fills = [
        partial(
            many_exports.fill,
            first=first,
            last=min(first + _CHUNK, count) - 1,
            accounts=_ACCOUNTS,
            failed_every=every,
        )
        for first in range(0, count, _CHUNK)
    ]
    hours = _HOURS if count > _FEW else _HOURS_SHOWN
    tally = partial(many_hours.fill, newest=NEWEST, first=0, last=hours, accounts=_ACCOUNTS)
    is_sqlite = settings.database_url.startswith("sqlite")
    return run_on(settings, [prepare, *fills, tally, *([] if is_sqlite else [many_exports.gather_statistics])])


def run_on(settings: Settings, works: Sequence[Callable[[Connection], None]]) -> int:
    """Do this in the database, each in a transaction of its own; returns the bytes that it takes then."""
    if settings.database_url.startswith("sqlite"):
        return _run_on_sqlite(sqlite_path(settings.database_url), works)
    return asyncio.run(_run_on_postgres(settings.database_url, works))


def _run_on_sqlite(path: Path, works: Sequence[Callable[[Connection], None]]) -> int:
    engine = open_engine(path, "BEGIN IMMEDIATE", "PRAGMA synchronous=OFF", "PRAGMA cache_size=-200000", size=1)
    for work in works:
        with engine.begin() as connection:
            work(connection)
    engine.dispose()
    return path.stat().st_size


async def _run_on_postgres(url: str, works: Sequence[Callable[[Connection], None]]) -> int:
    for work in works:
        await write_at_length(url, work)
    return await write_at_length(
        url,
        lambda connection: int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()),
    )


@contextmanager
def on_sqlite() -> Iterator[Callable[[], str]]:
    """Give addresses of new SQLite files until the block ends."""
    with TemporaryDirectory(prefix="bench-") as folder:
        names = iter(range(10))
        yield lambda: f"sqlite:///{folder}/{next(names)}.db"


@contextmanager
def on_postgres() -> Iterator[Callable[[], str]]:
    """Run a Postgres until the block ends, and give addresses of new databases on it."""
    with running_postgres() as server:
        yield server.new_database


def _heading(exports: int) -> str:
    names = ["question", f"{_FEW} ended: median / p99 ms", f"{exports} ended: median / p99 ms", "ratio of medians"]
    return "\n".join([_line(names), _line(["---", "---:", "---:", "---:"])])


def _row(name: str, few: Sequence[float], many: Sequence[float]) -> str:
    shown = [f"{1000 * statistics.median(each):.2f} / {1000 * percentile(each, 0.99):.2f}" for each in (few, many)]
    return _line([name, *shown, f"{statistics.median(many) / statistics.median(few):.2f}"])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is a command


if __name__ == "__main__":
    sys.exit(main())
