"""Keeps batches: requests that were made together, and the exports that answer them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    and_,
    bindparam,
    exists,
    func,
    insert,
    select,
    update,
)

from landfall.database import batch_sight
from landfall.database.clock import read_clock, utc_now
from landfall.database.few_sizes import few_sizes
from landfall.database.reading import Position
from landfall.database.service_tables import batch_accounts, batch_items, batches, is_unfinished
from landfall.database.tables import archived_exports, exports, is_live
from landfall.exports.job import ExportJob
from landfall.exports.states import TERMINAL, State

MOST_FAILURES = 20
_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Failure:
    """An export of the batch that failed, and why."""

    export_id: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it stands; `failures` are the first few."""

    id: str
    requested: int
    labels: Mapping[str, str]
    created_at: datetime
    finished_at: datetime | None
    by_state: Mapping[State, int]
    failures: Sequence[Failure]

    @property
    def total(self) -> int:
        """Its exports; fewer than were requested where some asked for the same."""
        return sum(self.by_state.values())

    @property
    def progress(self) -> float:
        """How much of it has ended, from 0 to 1."""
        ended = sum(count for state, count in self.by_state.items() if state in TERMINAL)
        return ended / self.total if self.total else 1.0


def create(
    connection: Connection, batch_id: str, answering: Sequence[tuple[ExportJob, bool]], labels: Mapping[str, str]
) -> None:
    """Write a batch: for each request in turn the export that answers it, and whether it was made for the batch."""
    now = read_clock(connection)
    row = {"id": batch_id, "requested": len(answering), "labels": dict(labels), "created_at": now}
    connection.execute(insert(batches).values(**row))
    accounts = sorted({job.account for job, _ in answering})
    owned = [{"account": account, "created_at": now, "batch_id": batch_id} for account in accounts]
    connection.execute(insert(batch_accounts), owned)
    items: dict[str, dict[str, Any]] = {}
    for number, (job, ours) in enumerate(answering):
        item = {"batch_id": batch_id, "created_at": job.created_at, "export_id": job.id, "number": number}
        items.setdefault(job.id, {**item, "ours": ours})
    rows = list(items.values())
    for start in range(0, len(rows), _CHUNK):
        connection.execute(insert(batch_items), rows[start : start + _CHUNK])


def find(connection: Connection, batch_id: str, within: Collection[str] | None = None) -> Batch | None:
    """The batch of this id; None also where one of its exports is of an account that is not `within`."""
    row = batch_sight.one(connection, batch_id, within)
    return next(_standing(connection, [row]), None) if row else None


def page(
    connection: Connection, after: Position | None, limit: int, within: Collection[str] | None = None
) -> list[Batch]:
    """Batches, newest first, from behind the position on; those whose exports are all of accounts `within`."""
    return list(_standing(connection, batch_sight.newest(connection, after, limit, within)))


def having(connection: Connection, export_id: str, within: Collection[str] | None, limit: int) -> list[str]:
    """The ids of some batches that have this export, newest first; of each all exports are of accounts `within`."""
    found = sorted(connection.execute(_HAVING, {"members": [export_id]}).scalars(), reverse=True)[:limit]
    return [batch_id for batch_id in found if batch_sight.one(connection, batch_id, within)]


def any_to_finish(connection: Connection) -> bool:
    """Whether a batch has ended that is not marked so; a cheap look."""
    return next(_ended(connection), None) is not None


def finish(connection: Connection, limit: int = 50) -> list[Batch]:
    """Mark up to `limit` batches of which no export is live any more; returns those that this call marked."""
    finished = []
    for batch_id in list(islice(_ended(connection), limit)):
        connection.execute(_LOCK, {"locked": [batch_id]})
        marked = update(batches).where(batches.c.id == batch_id, is_unfinished, ~_has_live)
        if connection.execute(marked.values(finished_at=utc_now())).rowcount:
            finished.append(batch_id)
    rows = connection.execute(select(batches).where(batches.c.id.in_(finished)).order_by(batches.c.id)).all()
    standing = list(_standing(connection, rows))
    for batch in standing:
        connection.execute(update(batches).where(batches.c.id == batch.id).values(ending=_ending(batch)))
    return standing


def reopen(connection: Connection, export_ids: Iterable[str]) -> None:
    """Have the batches of these exports, which are live again, be unfinished.

    To be called after the exports were written, in the same transaction. One that calls it more than once calls `lock`
    for all of them before.
    """
    # Locked before it is looked at: `finish` may be about to mark one, on what it saw before these exports lived.
    for some in few_sizes(lock(connection, export_ids)):
        connection.execute(
            update(batches)
            .where(batches.c.id.in_(some), batches.c.finished_at.is_not(None))
            .values(finished_at=None, ending=None)
        )


def lock(connection: Connection, export_ids: Iterable[str]) -> list[str]:
    """Lock the batches of these exports in the one order in which everybody does; returns their ids."""
    found: set[str] = set()
    for some in few_sizes(sorted(set(export_ids))):
        found |= set(connection.execute(_HAVING, {"members": some}).scalars())
    for some in few_sizes(sorted(found)):
        connection.execute(_LOCK, {"locked": some})
    return sorted(found)


_LOCK = (
    select(batches.c.id)
    .where(batches.c.id.in_(bindparam("locked", expanding=True)))
    .order_by(batches.c.id)
    .with_for_update()
)
_HAVING = (
    select(batch_items.c.batch_id).where(batch_items.c.export_id.in_(bindparam("members", expanding=True))).distinct()
)
_with_exports = batch_items.join(exports, exports.c.id == batch_items.c.export_id)
_has_live = exists().select_from(_with_exports).where(batch_items.c.batch_id == batches.c.id, is_live)
_UNFINISHED = select(batches.c.id).where(is_unfinished).order_by(batches.c.id)
# From the newest on: a queue goes by age, so what is live lies at the end of a batch.
_ONE_LIVE = (
    select(batch_items.c.export_id)
    .select_from(_with_exports)
    .where(batch_items.c.batch_id == bindparam("of_batch"), is_live)
    .order_by(batch_items.c.created_at.desc(), batch_items.c.export_id.desc())
    .limit(1)
)
_everywhere = batch_items.outerjoin(exports, exports.c.id == batch_items.c.export_id).outerjoin(
    archived_exports, and_(exports.c.id.is_(None), archived_exports.c.id == batch_items.c.export_id)
)
_state = func.coalesce(exports.c.state, archived_exports.c.state)
_of_these = batch_items.c.batch_id.in_(bindparam("these", expanding=True))
_COUNTS = (
    select(batch_items.c.batch_id, _state.label("state"), func.count().label("amount"))
    .select_from(_everywhere)
    .where(_of_these)
    .group_by(batch_items.c.batch_id, _state)
)
_numbered = (
    select(
        batch_items.c.batch_id,
        batch_items.c.export_id,
        exports.c.error_code,
        exports.c.error_message,
        archived_exports.c.export,
        func.row_number().over(partition_by=batch_items.c.batch_id, order_by=batch_items.c.number).label("place"),
    )
    .select_from(_everywhere)
    .where(_of_these, _state == State.FAILED.value)
    .subquery()
)
_FAILURES = select(_numbered).where(_numbered.c.place <= MOST_FAILURES).order_by(_numbered.c.place)


def _ended(connection: Connection) -> Iterator[str]:
    for batch_id in connection.execute(_UNFINISHED).scalars().all():
        if connection.execute(_ONE_LIVE, {"of_batch": batch_id}).first() is None:
            yield batch_id


def _standing(connection: Connection, rows: Sequence[Row[Any]]) -> Iterator[Batch]:
    these = [row.id for row in rows if row.ending is None]
    counts: dict[str, dict[State, int]] = {each: {} for each in these}
    failures: dict[str, list[Failure]] = {each: [] for each in these}
    if these:
        for count in connection.execute(_COUNTS, {"these": these}):
            counts[count.batch_id][State(count.state)] = count.amount
        for row in connection.execute(_FAILURES, {"these": these}):
            failures[row.batch_id].append(_failure(row))
    for row in rows:
        by_state, first = (counts[row.id], failures[row.id]) if row.ending is None else _ended_as(row.ending)
        yield Batch(row.id, row.requested, row.labels, row.created_at, row.finished_at, by_state, first)


def _ending(batch: Batch) -> dict[str, Any]:
    by_state = {state.value: amount for state, amount in batch.by_state.items()}
    return {"by_state": by_state, "failures": [asdict(failure) for failure in batch.failures]}


def _ended_as(ending: Mapping[str, Any]) -> tuple[dict[State, int], list[Failure]]:
    by_state = {State(name): amount for name, amount in ending["by_state"].items()}
    return by_state, [Failure(**failure) for failure in ending["failures"]]


def _failure(row: Row[Any]) -> Failure:
    kept = row.export or {"error_code": row.error_code, "error_message": row.error_message}
    return Failure(row.export_id, kept["error_code"] or "", kept["error_message"] or "")
