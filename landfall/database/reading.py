"""Reads exports and timelines for those who look on: filters, pages, events.

Every page comes from an index that has the exports in the list's order already. Where a filter lets several states or
accounts through, each of them gives its newest, and the newest of those are the page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    bindparam,
    exists,
    literal_column,
    select,
    tuple_,
    union_all,
)

from landfall.database.clock import UtcDateTime
from landfall.database.rows import job_of
from landfall.database.service_tables import batch_items
from landfall.database.tables import events, exports, labels
from landfall.exports.job import ExportJob, Fault
from landfall.exports.states import TERMINAL, State

Age = tuple[ColumnElement[datetime], ColumnElement[str]]
# More branches than this take longer to plan than it takes to pass over what other accounts have.
_MOST_BRANCHES = 70


@dataclass(frozen=True, slots=True)
class Filter:
    """Which exports to list; a None or empty field lets all through, but `within` no account beside those it holds.

    `since` is the first moment, `until` the first one after: two windows that meet share no export.
    """

    states: Sequence[State] = ()
    account: str | None = None
    vendor: str | None = None
    labels: Sequence[tuple[str, str]] = ()
    since: datetime | None = None
    until: datetime | None = None
    error: str | None = None
    batch: str | None = None
    within: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """The last export of a page; the next page begins after it."""

    created_at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One line of an export's timeline; `seconds` is how long the step ran, `id` its number among all events."""

    at: datetime
    kind: str
    state: str
    step: str | None
    attempt: int
    generation: int
    seconds: float | None
    error_code: str | None
    error_message: str | None
    error_action: str | None
    note: str | None
    id: int = 0

    @property
    def error(self) -> Fault | None:
        """What the step ran into."""
        if self.error_code is None or self.error_message is None or self.error_action is None:
            return None
        return Fault(self.error_code, self.error_message, self.error_action)


class _Shape(NamedTuple):
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
TIMELINE_COLUMNS = tuple(events.c[name] for name in TimelineEvent.__slots__)
_TIMELINE = (
    select(*TIMELINE_COLUMNS)
    .where(events.c.export_id == bindparam("of"), events.c.id > bindparam("after"))
    .order_by(events.c.id)
)
_SOME_OF_TIMELINE = _TIMELINE.limit(bindparam("most"))
_LAST_OF_TIMELINE = (
    select(*TIMELINE_COLUMNS).where(events.c.export_id == bindparam("of")).order_by(events.c.id.desc()).limit(1)
)


def page(connection: Connection, wanted: Filter, after: Position | None, limit: int) -> list[ExportJob]:
    """Up to `limit` exports, newest first, after a position (keyset paging)."""
    if wanted.within is not None:
        if not wanted.within or (wanted.account and wanted.account not in wanted.within):
            return []
        if wanted.account:
            wanted = replace(wanted, within=None)
    if after and wanted.until:
        # Both are an upper end of one index, and a database seeks by one of them only.
        wanted, after = (replace(wanted, until=None), after) if after.created_at < wanted.until else (wanted, None)
    return [job_of(row) for row in connection.execute(_query(_shape(wanted, after)), _values(wanted, after, limit))]


def timeline(
    connection: Connection, export_id: str, *, after: int = 0, limit: int | None = None
) -> list[TimelineEvent]:
    """The events of an export behind the one of this number, oldest first; all of them without a limit."""
    sought = {"of": export_id, "after": after}
    rows = (
        connection.execute(_SOME_OF_TIMELINE, sought | {"most": limit})
        if limit
        else connection.execute(_TIMELINE, sought)
    )
    return [TimelineEvent(*row) for row in rows]


def last_event(connection: Connection, export_id: str) -> TimelineEvent | None:
    """What happened to an export last."""
    row = connection.execute(_LAST_OF_TIMELINE, {"of": export_id}).one_or_none()
    return TimelineEvent(*row) if row else None


def _shape(wanted: Filter, after: Position | None) -> _Shape:
    return _Shape(
        tuple(sorted(set(wanted.states))),
        bool(wanted.account),
        bool(wanted.vendor),
        len(wanted.labels),
        wanted.since is not None,
        wanted.until is not None,
        bool(wanted.error),
        bool(wanted.batch),
        len(wanted.within or ()),
        after is not None,
    )


def _values(wanted: Filter, after: Position | None, limit: int) -> dict[str, Any]:
    values = {
        "of_account": wanted.account,
        "of_vendor": wanted.vendor,
        "of_error": wanted.error,
        "of_batch": wanted.batch,
        "since": wanted.since,
        "until": wanted.until,
        "after": after and after.created_at,
        "after_id": after and after.id,
        "most": limit,
    }
    for number, (key, value) in enumerate(wanted.labels):
        values |= {f"key_{number}": key, f"value_{number}": value}
    return values | {f"account_{number}": name for number, name in enumerate(sorted(wanted.within or ()))}


@lru_cache(maxsize=256)
def _query(shape: _Shape) -> Select[Any]:
    found = _newest([_between(query, age, shape) for query, age in _branches(shape)]).subquery("found")
    return select(exports).join(found, found.c.id == exports.c.id).order_by(*_newest_first(_OF_EXPORT))


def _branches(shape: _Shape) -> Iterator[tuple[Select[Any], Age]]:
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


def _by_account_and_state(shape: _Shape) -> Iterator[tuple[Select[Any], Age]]:
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


def _plain(shape: _Shape, *more: ColumnElement[bool]) -> Select[Any]:
    query = select(exports.c.created_at.label("created_at"), exports.c.id.label("id"))
    carried = (_carries(number, _OF_EXPORT) for number in range(shape.labels))
    return query.where(*_conditions(shape), *carried, *more)


def _through(age: Age, named: Sequence[ColumnElement[bool]], shape: _Shape) -> Select[Any]:
    """By another table's rows of the same age, of which those count that are `named`."""
    first = 1 if age is _OF_LABEL else 0
    columns: list[ColumnElement[Any]] = [age[0].label("created_at"), age[1].label("id")]
    query = select(*columns).where(*named)
    query = query.where(*(_carries(number, age) for number in range(first, shape.labels)))
    conditions = [*_conditions(shape), *_of_states(shape)]
    if conditions:
        query = query.join(exports, exports.c.id == age[1]).where(*conditions)
    return query


def _conditions(shape: _Shape) -> list[ColumnElement[bool]]:
    conditions = [exports.c.account == bindparam("of_account")] if shape.account else []
    conditions += [exports.c.vendor == bindparam("of_vendor")] if shape.vendor else []
    conditions += [exports.c.error_code == bindparam("of_error")] if shape.error else []
    if shape.within:
        conditions.append(exports.c.account.in_([bindparam(f"account_{number}") for number in range(shape.within)]))
    return conditions


def _of_states(shape: _Shape) -> list[ColumnElement[bool]]:
    return [exports.c.state.in_([_literal(state) for state in shape.states])] if shape.states else []


def _is(state: State) -> ColumnElement[bool]:
    return exports.c.state == _literal(state)


def _literal(state: State) -> ColumnElement[str]:
    return literal_column(f"'{state}'")


def _carries(number: int, age: Age) -> ColumnElement[bool]:
    other = labels.alias()
    same = (other.c.key == bindparam(f"key_{number}"), other.c.value == bindparam(f"value_{number}"))
    return exists().where(*same, other.c.created_at == age[0], other.c.export_id == age[1])


def _between(query: Select[Any], age: Age, shape: _Shape) -> Select[Any]:
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
