"""Builds the queries behind pages of exports, each shape of filter once.

Every page comes from an index that has the exports in the list's order already. Where a filter lets several states or
accounts through, each of them gives its newest, and the newest of those are the page.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, String, bindparam, exists, literal_column, select, tuple_, union_all

from landfall.database.clock import UtcDateTime
from landfall.database.service_tables import batch_items
from landfall.database.tables import exports, labels
from landfall.exports.states import TERMINAL, State

Age = tuple[ColumnElement[datetime], ColumnElement[str]]
# More branches than this take longer to plan than it takes to pass over what other accounts have.
_MOST_BRANCHES = 70


class Shape(NamedTuple):
    """What a filter looks at, without the values: filters of one shape are one query, and making one takes longer than running it."""

    states: tuple[State, ...]
    account: bool
    vendor: bool
    labels: int
    since: bool
    until: bool
    error: bool
    batch: bool
    within: int
    after: bool


_OF_EXPORT: Age = (exports.c.created_at, exports.c.id)
_OF_LABEL: Age = (labels.c.created_at, labels.c.export_id)
_OF_BATCH: Age = (batch_items.c.created_at, batch_items.c.export_id)


@lru_cache(maxsize=256)
def query_of(shape: Shape) -> Select[Any]:
    """The exports of a page, the newest first; the values of the filter are its parameters."""
    found = _newest([_between(query, age, shape) for query, age in _branches(shape)]).subquery("found")
    return select(exports).join(found, found.c.id == exports.c.id).order_by(*_newest_first(_OF_EXPORT))


def _branches(shape: Shape) -> Iterator[tuple[Select[Any], Age]]:
    """Queries that share no export; each is answered from one index, without sorting.

    What lets few through says where to look: a batch, a state that exports soon leave, an error, a label.
    """
    ended = not shape.states or any(state in TERMINAL for state in shape.states)
    if shape.batch:
        yield _through(_OF_BATCH, [batch_items.c.batch_id == bindparam("of_batch")], shape), _OF_BATCH
    elif shape.error and ended:
        yield _plain(shape, *_of_states(shape)), _OF_EXPORT
    elif shape.labels and (not shape.states or State.STORED in shape.states):
        named = [labels.c.key == bindparam("key_0"), labels.c.value == bindparam("value_0")]
        yield _through(_OF_LABEL, named, shape), _OF_LABEL
    else:
        yield from _by_account_and_state(shape)


def _by_account_and_state(shape: Shape) -> Iterator[tuple[Select[Any], Age]]:
    states = shape.states or (tuple(State) if shape.account or shape.vendor else ())
    apart = shape.within and not shape.vendor and shape.within * len(states or State) <= _MOST_BRANCHES
    if not apart:
        for state in states:
            yield _plain(shape, _is(state)), _OF_EXPORT
        if not states:
            yield _plain(shape), _OF_EXPORT
        return
    for number in range(shape.within):
        mine = exports.c.account == bindparam(f"account_{number}")
        for state in states or State:
            yield _plain(shape._replace(within=0), mine, _is(state)), _OF_EXPORT


def _plain(shape: Shape, *more: ColumnElement[bool]) -> Select[Any]:
    query = select(exports.c.created_at.label("created_at"), exports.c.id.label("id"))
    carried = (_carries(number, _OF_EXPORT) for number in range(shape.labels))
    return query.where(*_conditions(shape), *carried, *more)


def _through(age: Age, named: Sequence[ColumnElement[bool]], shape: Shape) -> Select[Any]:
    """By another table's rows of the same age, of which those count that are `named`."""
    first = 1 if age is _OF_LABEL else 0
    columns: list[ColumnElement[Any]] = [age[0].label("created_at"), age[1].label("id")]
    query = select(*columns).where(*named)
    query = query.where(*(_carries(number, age) for number in range(first, shape.labels)))
    conditions = [*_conditions(shape), *_of_states(shape)]
    if conditions:
        query = query.join(exports, exports.c.id == age[1]).where(*conditions)
    return query


def _conditions(shape: Shape) -> list[ColumnElement[bool]]:
    conditions = [exports.c.account == bindparam("of_account")] if shape.account else []
    conditions += [exports.c.vendor == bindparam("of_vendor")] if shape.vendor else []
    conditions += [exports.c.error_code == bindparam("of_error")] if shape.error else []
    if shape.within:
        conditions.append(exports.c.account.in_([bindparam(f"account_{number}") for number in range(shape.within)]))
    return conditions


def _of_states(shape: Shape) -> list[ColumnElement[bool]]:
    return [exports.c.state.in_([_literal(state) for state in shape.states])] if shape.states else []


def _is(state: State) -> ColumnElement[bool]:
    return exports.c.state == _literal(state)


def _literal(state: State) -> ColumnElement[str]:
    return literal_column(f"'{state}'")


def _carries(number: int, age: Age) -> ColumnElement[bool]:
    other = labels.alias()
    same = (other.c.key == bindparam(f"key_{number}"), other.c.value == bindparam(f"value_{number}"))
    return exists().where(*same, other.c.created_at == age[0], other.c.export_id == age[1])


def _between(query: Select[Any], age: Age, shape: Shape) -> Select[Any]:
    """What lies between `since` and `until`, and behind the page before: compared as a row, which an index can answer."""
    if shape.since:
        query = query.where(age[0] >= bindparam("since"))
    if shape.until:
        query = query.where(age[0] < bindparam("until"))
    if shape.after:
        place = bindparam("after", type_=UtcDateTime()), bindparam("after_id", type_=String())
        query = query.where(tuple_(*age) < tuple_(*place))
    return query.order_by(*_newest_first(age)).limit(bindparam("most"))


def _newest(branches: Sequence[Select[Any]]) -> Select[Any]:
    if len(branches) == 1:
        return branches[0]
    every = union_all(*(select(branch.subquery()) for branch in branches)).subquery()
    return select(every).order_by(*_newest_first((every.c.created_at, every.c.id))).limit(bindparam("most"))


def _newest_first(age: Age) -> tuple[ColumnElement[Any], ...]:
    return tuple(column.desc() for column in age)
