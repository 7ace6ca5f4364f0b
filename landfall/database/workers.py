"""Keeps what each worker last said of itself."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from landfall.database.clock import read_clock, utc_now
from landfall.database.service_tables import workers

REPORT_SECONDS = 5.0
# Two reports may be lost before a worker is taken for dead.
SILENT_AFTER = timedelta(seconds=3 * REPORT_SECONDS)
# As long as a scrape may fail without losing what a worker counted before it died.
FORGOTTEN_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker says of itself: `running` steps, `metrics` in Prometheus' text format."""

    id: str
    version: str
    running: int
    metrics: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A worker's last report, and for how long nothing was heard since."""

    id: str
    version: str
    started_at: datetime
    running: int
    metrics: str
    silent: timedelta

    @property
    def alive(self) -> bool:
        """Whether it was heard of lately."""
        return self.silent <= SILENT_AFTER


@dataclass(frozen=True, slots=True)
class Crew:
    """How many workers are alive, and how many steps they run."""

    workers: int
    running: int


_SAID = {name: bindparam(f"its_{name}", type_=workers.c[name].type) for name in Report.__slots__}


def _report(insert: postgresql.Insert | sqlite.Insert) -> postgresql.Insert | sqlite.Insert:
    said = insert.values(**_SAID, started_at=utc_now(), seen_at=utc_now())
    return said.on_conflict_do_update(
        index_elements=[workers.c.id],
        set_={name: insert.excluded[name] for name in ("version", "seen_at", "running", "metrics")},
    )


_REPORT = {"postgresql": _report(postgresql.insert(workers)), "sqlite": _report(sqlite.insert(workers))}
_LEAVE = delete(workers).where(workers.c.id == bindparam("its_id"))
_FORGET = delete(workers).where(workers.c.seen_at < bindparam("before"))
_STANDINGS = (
    select(workers, utc_now().label("now")).where(workers.c.seen_at >= bindparam("since")).order_by(workers.c.id)
)
_CREW = select(func.count(), func.coalesce(func.sum(workers.c.running), 0)).where(
    workers.c.seen_at >= bindparam("since")
)


def report(connection: Connection, said: Report) -> None:
    """Write down what a worker says of itself now; one statement."""
    values = {f"its_{name}": value for name, value in asdict(said).items()}
    connection.execute(_REPORT[connection.dialect.name], values)


def leave(connection: Connection, worker_id: str) -> None:
    """Forget a worker that has ended."""
    connection.execute(_LEAVE, {"its_id": worker_id})


def forget_silent(connection: Connection) -> int:
    """Forget the workers that nobody has heard of for FORGOTTEN_AFTER; returns how many."""
    return connection.execute(_FORGET, {"before": read_clock(connection) - FORGOTTEN_AFTER}).rowcount


def standings(connection: Connection) -> Sequence[Standing]:
    """The workers that were heard of within FORGOTTEN_AFTER, by id."""
    rows = connection.execute(_STANDINGS, {"since": read_clock(connection) - FORGOTTEN_AFTER})
    return [
        Standing(row.id, row.version, row.started_at, row.running, row.metrics or "", row.now - row.seen_at)
        for row in rows
    ]


def crew(connection: Connection) -> Crew:
    """The workers that are alive, together."""
    row = connection.execute(_CREW, {"since": read_clock(connection) - SILENT_AFTER}).one()
    return Crew(int(row[0]), int(row[1]))
