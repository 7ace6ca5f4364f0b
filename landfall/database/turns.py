"""Gives each export its turn in its account's queue, so that no tenant starves another.

Start-time fair queueing (Goyal, Vin and Chen, SIGCOMM 1996): a tenant's next export gets the tag that its last one
would end at, but none that lies behind the account's virtual time, which is the tag of the last export admitted. The
queue goes by tag, so taking turns costs one look-up at the enqueue and nothing at the admission.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from sqlalchemy import Connection, bindparam, func, select, update

from landfall.database.tables import accounts, exports, is_queued
from landfall.exports.job import ExportJob

# Made once: making one costs as much as running it.
_ADVANCE = (
    update(accounts)
    .where(accounts.c.name == bindparam("account"), accounts.c.turn < bindparam("reached"))
    .values(turn=bindparam("reached"))
)
_LAST_TURN = select(func.max(exports.c.turn)).where(
    exports.c.account == bindparam("account"), exports.c.tenant == bindparam("tenant"), is_queued
)
_VIRTUAL_TIME = select(
    accounts.c.turn, accounts.c.tenant_weights, _LAST_TURN.scalar_subquery().label("last_turn")
).where(accounts.c.name == bindparam("account"))


def assign(connection: Connection, jobs: Sequence[ExportJob]) -> list[ExportJob]:
    """Give each of the new exports its turn, in the order in which they come."""
    tagged = {job.id: job for key, group in _by_tenant(jobs) for job in _tagged(connection, key, group)}
    return [tagged[job.id] for job in jobs]


def advance(connection: Connection, account: str, admitted: Sequence[ExportJob]) -> None:
    """Move the account's virtual time on to the last turn that was taken."""
    turn = max(job.turn for job in admitted)
    connection.execute(_ADVANCE, {"account": account, "reached": turn})


def _by_tenant(jobs: Sequence[ExportJob]) -> Iterator[tuple[tuple[str, str], list[ExportJob]]]:
    def key(job: ExportJob) -> tuple[str, str]:
        return job.account, job.tenant

    for found, group in groupby(sorted(jobs, key=key), key=key):
        yield found, list(group)


def _tagged(connection: Connection, key: tuple[str, str], jobs: Sequence[ExportJob]) -> Iterator[ExportJob]:
    account, tenant = key
    row = connection.execute(_VIRTUAL_TIME, {"account": account, "tenant": tenant}).one()
    step = 1.0 / _weight(row.tenant_weights, tenant)
    turn = row.turn if row.last_turn is None else max(row.turn, row.last_turn + step)
    for number, job in enumerate(jobs):
        yield replace(job, turn=turn + number * step)


def _weight(weights: Mapping[str, float], tenant: str) -> float:
    return float(weights.get(tenant, 1.0))
