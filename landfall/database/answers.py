"""Keeps for a day what was answered under an Idempotency-Key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from landfall.database.clock import read_clock, utc_now
from landfall.database.service_tables import answers

KEPT = timedelta(hours=24)
_KEY = (answers.c.key_id, answers.c.idempotency_key)


class Claim(NamedTuple):
    """A request that is to be answered once: who asks, under which key of theirs, and what, as a hash."""

    key_id: str
    key: str
    request_hash: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: a status, the body's JSON, and the Location header where there is one."""

    status: int
    body: str
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer that was given, and the hash of the request that it was given to."""

    request_hash: str
    answer: Answer


_TAKE = {
    name: dialect.insert(answers).values(created_at=utc_now()).on_conflict_do_nothing().returning(*_KEY)
    for name, dialect in (("postgresql", postgresql), ("sqlite", sqlite))
}
_FIND = select(answers).where(tuple_(*_KEY).in_(bindparam("sought", expanding=True)))
_KEEP = (
    update(answers)
    .where(answers.c.key_id == bindparam("of_key"), answers.c.idempotency_key == bindparam("under"))
    .values(status=bindparam("new_status"), location=bindparam("new_location"), body=bindparam("new_body"))
)
_SOME_OLD = (
    select(*_KEY)
    .where(answers.c.created_at <= bindparam("oldest", type_=answers.c.created_at.type))
    .order_by(answers.c.created_at)
    .limit(bindparam("most"))
)
_FORGET = delete(answers).where(tuple_(*_KEY).in_(_SOME_OLD))


def claim(connection: Connection, claims: Sequence[Claim]) -> dict[Claim, Kept]:
    """Take the keys that are not in use, and return what was answered under the others.

    Where another transaction is just taking one of them, this one waits for its end. Whoever took a key keeps an
    answer under it before the transaction ends.
    """
    if not claims:
        return {}
    rows = [
        {
            "key_id": each.key_id,
            "idempotency_key": each.key,
            "request_hash": each.request_hash,
            "status": 0,
            "location": None,
            "body": "",
        }
        # In one order, lest two transactions wait for each other.
        for each in sorted(claims)
    ]
    taken = {(row.key_id, row.idempotency_key) for row in connection.execute(_TAKE[connection.dialect.name], rows)}
    used = {(each.key_id, each.key): each for each in claims if (each.key_id, each.key) not in taken}
    if not used:
        return {}
    return {
        used[row.key_id, row.idempotency_key]: Kept(row.request_hash, Answer(row.status, row.body, row.location))
        for row in connection.execute(_FIND, {"sought": list(used)})
    }


def keep(connection: Connection, given: Mapping[Claim, Answer]) -> None:
    """Write down what is answered under the keys that this transaction took."""
    if given:
        connection.execute(
            _KEEP,
            [
                {
                    "of_key": claim.key_id,
                    "under": claim.key,
                    "new_status": answer.status,
                    "new_location": answer.location,
                    "new_body": answer.body,
                }
                for claim, answer in given.items()
            ],
        )


def forget_old(connection: Connection, limit: int) -> int:
    """Remove up to `limit` answers that are older than a day; returns how many."""
    oldest = read_clock(connection) - KEPT
    return connection.execute(_FORGET, {"oldest": oldest, "most": limit}).rowcount
