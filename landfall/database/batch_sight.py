"""Finds the rows of batches that are of no other accounts than those that a caller sees."""

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, Select, String, bindparam, exists, or_, select, tuple_, union_all

from landfall.database.clock import UtcDateTime
from landfall.database.page_query import Age
from landfall.database.reading import Position
from landfall.database.service_tables import batch_accounts, batches

# For more accounts than this it takes longer to look at each than to pass over the batches of others.
_MOST_BRANCHES = 40
_BY_AGE: Age = (batches.c.created_at, batches.c.id)
_THESE: BindParameter[Any] = bindparam("these", expanding=True)
_ALL_SEEN = ~exists().where(batch_accounts.c.batch_id == batches.c.id, batch_accounts.c.account.not_in(_THESE))
_ONE = select(batches).where(batches.c.id == bindparam("sought"))
_ONE_SEEN = _ONE.where(_ALL_SEEN)


def one(connection: Connection, batch_id: str, within: Collection[str] | None) -> Row[Any] | None:
    """The batch of this id, if all of its accounts are `within` (None: whatever they are)."""
    if within is None:
        return connection.execute(_ONE, {"sought": batch_id}).one_or_none()
    return connection.execute(_ONE_SEEN, {"sought": batch_id, "these": sorted(within)}).one_or_none()


def newest(
    connection: Connection, after: Position | None, limit: int, within: Collection[str] | None
) -> Sequence[Row[Any]]:
    """The batches whose accounts are all `within`, newest first, from behind the position on."""
    values: dict[str, Any] = {"most": limit}
    if after:
        values |= {"after": after.created_at, "after_id": after.id}
    if within is None:
        return connection.execute(_newest(further=bool(after)), values).all()
    these = sorted(within)
    values |= {"these": these}
    if not 0 < len(these) <= _MOST_BRANCHES:
        return connection.execute(_newest(further=bool(after), seen=True), values).all()
    values |= {f"account_{number}": account for number, account in enumerate(these)}
    return connection.execute(_newest_of(len(these), further=bool(after)), values).all()


# Making a statement takes longer than running it: those of one shape are one.
@lru_cache
def _newest(*, further: bool, seen: bool = False) -> Select[Any]:
    query = select(batches).where(_ALL_SEEN) if seen else select(batches)
    return _behind(query, _BY_AGE, further=further)


@lru_cache
def _newest_of(count: int, *, further: bool) -> Select[Any]:
    branches = (_of_account(number, further=further).subquery() for number in range(count))
    found = union_all(*map(select, branches)).subquery()
    return _behind(select(batches).join(found, found.c.batch_id == batches.c.id), _BY_AGE, further=False)


def _of_account(number: int, *, further: bool) -> Select[Any]:
    mine, other = batch_accounts.alias(), batch_accounts.alias()
    # A batch of several accounts is found under the first of them alone.
    hidden = or_(other.c.account < mine.c.account, other.c.account.not_in(_THESE))
    query = select(mine.c.created_at, mine.c.batch_id).where(
        mine.c.account == bindparam(f"account_{number}"), ~exists().where(other.c.batch_id == mine.c.batch_id, hidden)
    )
    return _behind(query, (mine.c.created_at, mine.c.batch_id), further=further)


def _behind(query: Select[Any], age: Age, *, further: bool) -> Select[Any]:
    if further:
        place = bindparam("after", type_=UtcDateTime()), bindparam("after_id", type_=String())
        query = query.where(tuple_(*age) < tuple_(*place))
    return query.order_by(*(column.desc() for column in age)).limit(bindparam("most"))
