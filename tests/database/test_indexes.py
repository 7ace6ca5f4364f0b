"""Checks that no frequent question costs more for the exports that have ended long ago, on both databases."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar

import pytest
from sqlalchemy import Connection, insert, literal, select, text, true, update

from landfall.database import (
    accounts,
    admission,
    archive,
    batches,
    build_times,
    explaining,
    following,
    ledger,
    orphans,
    reading,
    same_requests,
    service_tables,
    tables,
)
from landfall.database.archive import Place
from landfall.database.clock import read_clock
from landfall.database.following import Mark
from landfall.database.opening import open_database
from landfall.database.postgres import write_at_length
from landfall.database.reading import Filter, Position
from landfall.database.urls import is_postgres
from landfall.exports.job import ExportJob
from landfall.exports.outcomes import Waiting
from landfall.exports.policy import Policy
from landfall.exports.states import State
from landfall.settings import Settings
from tests.asynchronous import run
from tests.database import counted, many_exports
from tests.database.databases import migrated
from tests.database.many_exports import NEWEST, RARE_VENDOR, account_name, export_id
from tests.database.work import Work, measured
from tests.exports.jobs import make_job
from tests.services.postgres import Postgres
from worker.settlement import write_outcome

T = TypeVar("T")
_ACCOUNTS = 10
_FEW, _MANY = 2500, 15_000
_ARCHIVED = 0.1
_FAILED = 120
_PAGE = 51
# A level more of each tree: pages of Postgres, instructions of SQLite.
_DEEPER = {"postgres": 60, "sqlite": 3000}
_QUEUED = 60
_WAITING = 20
_MADE = NEWEST - timedelta(days=1)
ACCOUNT = account_name(3)
SINCE = NEWEST - timedelta(seconds=300)
UNTIL = NEWEST - timedelta(seconds=_FEW // 2)
MINE = frozenset({ACCOUNT, account_name(4)})


def _list(wanted: Filter, after: Position | None = None) -> Callable[[Connection], object]:
    return partial(reading.page, wanted=wanted, after=after, limit=_PAGE)


def _live(name: str, **changes: object) -> ExportJob:
    return make_job(id=f"exp_live_{name}", account=ACCOUNT, created_at=NEWEST, **changes)


def _enqueue(connection: Connection) -> None:
    locked = accounts.lock(connection, ACCOUNT)
    assert same_requests.in_flight(connection, ACCOUNT, ["e" * 64]) == {}
    ledger.accept(connection, [_live("new", request_hash="e" * 64, labels={"tenant": "t1"})])
    admission.admit_next(connection, ACCOUNT, locked)


def _poll(connection: Connection) -> None:
    job = ledger.find(connection, "exp_live_waiting_1")
    assert job is not None
    assert write_outcome(connection, job, Waiting(), Policy(), seconds=0.0)


def _follow(connection: Connection) -> None:
    mark = Mark(following.newest(connection) - 50)
    assert following.read(connection, mark, now=0.0, limit=100)


DEEP = Position(NEWEST - timedelta(seconds=_FEW // 2), export_id(_FEW // 2))
QUESTIONS: dict[str, Callable[[Connection], object]] = {
    "the newest": _list(Filter()),
    "a page deep inside": _list(Filter(), DEEP),
    "since": _list(Filter(since=SINCE)),
    "an account's": _list(Filter(account=ACCOUNT)),
    "a page deep inside an account's": _list(Filter(account=ACCOUNT), DEEP),
    "a rare vendor's": _list(Filter(vendor=RARE_VENDOR)),
    "those of a rare state": _list(Filter(states=[State.FAILED])),
    "those of states that nobody is in": _list(Filter(states=[State.CANCELLED, State.READY])),
    "those of a frequent state and a rare one": _list(Filter(states=[State.STORED, State.FAILED])),
    "an account's of a rare state": _list(Filter(account=ACCOUNT, states=[State.CANCELLED])),
    "an account's since": _list(Filter(account=ACCOUNT, since=SINCE)),
    "a rare vendor's of a state": _list(Filter(vendor=RARE_VENDOR, states=[State.STORED])),
    "those of a state since": _list(Filter(states=[State.STORED], since=SINCE)),
    "those with a frequent label": _list(Filter(labels=[("tenant", "t1")])),
    "those with a rare label": _list(Filter(labels=[("batch", "3")])),
    "those with two labels": _list(Filter(labels=[("batch", "3"), ("tenant", "t1")])),
    "those with a label nobody has": _list(Filter(labels=[("batch", "none")])),
    "those with a label and a state": _list(Filter(labels=[("batch", "3")], states=[State.STORED])),
    "those with a label and a rare state": _list(Filter(labels=[("tenant", "t1")], states=[State.CANCELLED])),
    "those until a moment deep inside": _list(Filter(until=UNTIL)),
    "a page deep inside of those until a moment": _list(Filter(until=SINCE), DEEP),
    "those with a rare error": _list(Filter(error="report_lost")),
    "those with an error nobody met": _list(Filter(error="none")),
    "those that failed with a rare error": _list(Filter(error="report_lost", states=[State.FAILED])),
    "an account's with a rare error": _list(Filter(error="report_lost", account=ACCOUNT)),
    "those under way that met an error": _list(Filter(error="report_lost", states=[State.QUEUED, State.READY])),
    "the newest batches": partial(batches.page, after=None, limit=_PAGE),
    "the newest batches of a key's accounts": partial(batches.page, after=None, limit=_PAGE, within=MINE),
    "a page deep inside the batches of a key's accounts": partial(
        batches.page, after=Position(_MADE, ""), limit=_PAGE, within=MINE
    ),
    "a large batch": partial(batches.find, batch_id="bat_large"),
    "a large batch that a key sees": partial(batches.find, batch_id="bat_large", within=MINE),
    "a large batch that a key does not see": partial(batches.find, batch_id="bat_large", within={account_name(5)}),
    "those of a batch": _list(Filter(batch="bat_1")),
    "those of a batch that failed": _list(Filter(batch="bat_1", states=[State.FAILED])),
    "those of a batch with a label": _list(Filter(batch="bat_1", labels=[("tenant", "t1")])),
    "those of a batch that nobody made": _list(Filter(batch="bat_none")),
    "those of a key's accounts": _list(Filter(within=MINE)),
    "a page deep inside those of a key's accounts": _list(Filter(within=MINE), DEEP),
    "those of a key's accounts of a rare state": _list(Filter(within=MINE, states=[State.CANCELLED])),
    "those of a batch that a key sees": _list(Filter(batch="bat_1", within=MINE)),
    "an account's with a label": _list(Filter(labels=[("batch", "3")], account=ACCOUNT)),
    "an export": partial(ledger.find, export_id=export_id(500)),
    "what happened to it": partial(reading.timeline, export_id=export_id(500)),
    "what happened to it lately": partial(reading.timeline, export_id=export_id(500), after=3, limit=3),
    "what happened to it last": partial(reading.last_event, export_id=export_id(500)),
    "what happens to all": _follow,
    "what happened to all meanwhile": partial(following.between, after=6 * 200, last=6 * 400, limit=200),
    "why a queued export waits": partial(explaining.gather, export_id="exp_live_queued_7"),
    "why an export is exporting": partial(explaining.gather, export_id="exp_live_waiting_7"),
    "why an export failed": partial(explaining.gather, export_id=export_id(500)),
    "an archived export": partial(archive.find, export_id=export_id(_FEW - 1)),
    "an archived timeline": partial(archive.timeline, export_id=export_id(_FEW - 1)),
    "an enqueue": _enqueue,
    "a poll that says not yet": _poll,
    "an admission": partial(admission.admit_next, account=ACCOUNT),
    "what is due": partial(ledger.find_overdue, limit=500),
    "what became due": lambda connection: ledger.find_overdue(connection, 500, since=read_clock(connection)),
    "who has room": admission.accounts_with_room,
    "how accounts stand": partial(accounts.stand, names=[account_name(number) for number in range(_ACCOUNTS)]),
    "which orphans are due": partial(orphans.find_due, limit=20),
    "is there a report to adopt": lambda connection: orphans.adopt(connection, _live("waiting_1"), now=NEWEST),
    "how long reports build": partial(build_times.recent, account=ACCOUNT, report_type="USER_EVENTS"),
    "what is old enough for the archive": partial(
        archive.find_old,
        history=timedelta(days=1),
        after=Place(NEWEST - timedelta(seconds=_FEW // 2), ""),
        judged=(),
        limit=100,
    ),
    "moving into the archive": partial(archive.move, export_ids=[export_id(number) for number in range(20)]),
}


@dataclass(frozen=True, slots=True)
class World:
    """A database with few ended exports and one with many, alike in all else."""

    kind: str
    few: str
    many: str

    def compare(self, work: Callable[[Connection], object]) -> tuple[Work, Work]:
        """What the work touches in each."""
        few, many = (_on(url, partial(measured, work=work)) for url in (self.few, self.many))
        return few, many


def _on(url: str, work: Callable[[Connection], T]) -> T:
    if is_postgres(url):
        # Filling takes longer on a busy machine than a transaction of ours may.
        return run(write_at_length(url, work))

    async def write() -> T:
        async with open_database(Settings(database_url=url)) as database:
            return await database.write(work)

    return run(write())


def _furnish(connection: Connection, count: int) -> None:
    many_exports.prepare(connection, _ACCOUNTS)
    many_exports.fill(connection, 0, count - 1, accounts=_ACCOUNTS, failed_every=count // _FAILED)
    connection.execute(
        update(tables.exports)
        .where(tables.exports.c.id.in_([export_id(number) for number in range(7, _FEW // 2, 50)]))
        .values(error_code="report_lost")
    )
    batch = {"id": "bat_1", "requested": many_exports.IN_A_BATCH, "labels": {}, "created_at": NEWEST}
    connection.execute(insert(service_tables.batches), [batch])
    items = select(literal("bat_1"), tables.exports.c.created_at, tables.exports.c.id, literal(0), true()).where(
        tables.exports.c.id.in_([export_id(number) for number in range(100, 100 + many_exports.IN_A_BATCH)])
    )
    columns = ["batch_id", "created_at", "export_id", "number", "ours"]
    connection.execute(insert(service_tables.batch_items).from_select(columns, items))
    _add_batches(connection, count)
    queued = [_live(f"queued_{n}", request_hash=f"{n}") for n in range(_QUEUED)]
    waiting = [
        _live(f"waiting_{n}", state=State.EXPORTING, report_id=f"r{n}", due_at=NEWEST, started_at=NEWEST)
        for n in range(_WAITING)
    ]
    ledger.accept(connection, [*queued, *waiting])
    for job in waiting[:4]:
        orphans.record(connection, job, "lost", now=NEWEST, hold=timedelta(hours=1))
    for number in range(2 * build_times.WINDOW):
        build_times.record(connection, waiting[0], None, now=NEWEST + timedelta(seconds=number))
    oldest = [*range(count - int(_ARCHIVED * count), count), _FEW - 1]
    counted.move(connection, [export_id(number) for number in oldest])
    if connection.dialect.name == "postgresql":
        many_exports.gather_statistics(connection)


def _add_batches(connection: Connection, count: int) -> None:
    """Finished ones: a few of the key's, one of them large, and the more of others' the more exports there are."""
    mine = [make_job(id=export_id(number), account=ACCOUNT) for number in range(3, count, _ACCOUNTS)]
    batches.create(connection, "bat_large", [(job, True) for job in mine], {})
    for number in range(_PAGE):
        batches.create(connection, f"bat_mine_{number:04}", [(mine[number], True)], {})
    aged = service_tables.batches.c.id.like("bat_mine%"), service_tables.batch_accounts.c.batch_id.like("bat_mine%")
    connection.execute(update(service_tables.batches).where(aged[0]).values(created_at=_MADE))
    connection.execute(update(service_tables.batch_accounts).where(aged[1]).values(created_at=_MADE))
    assert len(batches.finish(connection, count)) == 2 + _PAGE
    rows = [{"id": f"bat_others_{number:05}", "created_at": NEWEST} for number in range(count)]
    ended = {"requested": 1, "labels": {}, "finished_at": NEWEST, "ending": {"by_state": {"stored": 1}, "failures": []}}
    connection.execute(insert(service_tables.batches), [row | ended for row in rows])
    owned = [{"account": account_name(5), "created_at": NEWEST, "batch_id": row["id"]} for row in rows]
    connection.execute(insert(service_tables.batch_accounts), owned)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if request.param == "sqlite":
        folder = tmp_path_factory.mktemp("world")
        yield _furnished("sqlite", [f"sqlite:///{migrated(folder / f'{count}.db')}" for count in (_FEW, _MANY)])
        return
    server: Postgres = request.getfixturevalue("postgres")
    template: str = request.getfixturevalue("postgres_template")
    world = _furnished("postgres", [server.new_database(template) for _ in (_FEW, _MANY)])
    yield world
    for url in (world.few, world.many):
        server.drop(url)


def _furnished(kind: str, urls: Sequence[str]) -> World:
    for url, count in zip(urls, (_FEW, _MANY), strict=True):
        _on(url, partial(_furnish, count=count))
    return World(kind, *urls)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_frequent_question_costs_no_more_for_ended_exports(world: World, question: str) -> None:
    few, many = world.compare(QUESTIONS[question])
    assert few.amount, "nothing was measured"
    assert many.amount <= 1.5 * few.amount + _DEEPER[world.kind], (few, many)


@pytest.mark.parametrize(
    ("index", "question"),
    [
        ("ix_exports_newest", "the newest"),
        ("ix_exports_due", "what is due"),
        ("ix_exports_newest_of_error", "those with an error nobody met"),
        ("ix_events_export", "what happened to it last"),
        ("ix_batches_newest", "the newest batches"),
    ],
)
def test_a_question_without_its_index_is_noticed(world: World, index: str, question: str) -> None:
    def work(connection: Connection) -> None:
        connection.execute(text(f"DROP INDEX {index}"))
        QUESTIONS[question](connection)

    few, many = world.compare(work)
    assert many.amount > 1.5 * few.amount + _DEEPER[world.kind]
