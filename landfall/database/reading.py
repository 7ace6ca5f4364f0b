"""Reads exports and timelines for those who look on: filters, pages, events.

Every page comes from an index that has the exports in the list's order already. Where a filter lets several states
through, each of them gives its newest, and the newest of those are the page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
from landfall.database.tables import events, exports, labels
from landfall.exports.job import ExportJob, Fault
from landfall.exports.states import State

Age = tuple[ColumnElement[datetime], ColumnElement[str]]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which exports to list; a None or empty field lets all through."""

    states: Sequence[State] = ()
    account: str | None = None
    vendor: str | None = None
    labels: Sequence[tuple[str, str]] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """The last export of a page; the next page begins after it."""

    created_at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One line of an export's timeline; `seconds` is how long the step ran."""

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
    after: bool


_OF_EXPORT: Age = (exports.c.created_at, exports.c.id)
_OF_LABEL: Age = (labels.c.created_at, labels.c.export_id)
_TIMELINE = (
    select(*(events.c[name] for name in TimelineEvent.__slots__))
    .where(events.c.export_id == bindparam("of"))
    .order_by(events.c.id)
)


def page(connection: Connection, wanted: Filter, after: Position | None, limit: int) -> list[ExportJob]:
    """Up to `limit` exports, newest first, after a position (keyset paging)."""
    shape = _Shape(
        tuple(sorted(set(wanted.states))),
        bool(wanted.account),
        bool(wanted.vendor),
        len(wanted.labels),
        wanted.since is not None,
        after is not None,
    )
    values = {
        "of_account": wanted.account,
        "of_vendor": wanted.vendor,
        "since": wanted.since,
        "after": after and after.created_at,
        "after_id": after and after.id,
        "most": limit,
    }
    for number, (key, value) in enumerate(wanted.labels):
        values |= {f"key_{number}": key, f"value_{number}": value}
    return [job_of(row) for row in connection.execute(_query(shape), values)]


def timeline(connection: Connection, export_id: str) -> list[TimelineEvent]:
    """The events of an export, oldest first."""
    return [TimelineEvent(*row) for row in connection.execute(_TIMELINE, {"of": export_id})]


@lru_cache(maxsize=256)
def _query(shape: _Shape) -> Select[Any]:
    found = _newest([_within(query, age, shape) for query, age in _branches(shape)]).subquery("found")
    return select(exports).join(found, found.c.id == exports.c.id).order_by(*_newest_first(_OF_EXPORT))


def _branches(shape: _Shape) -> Iterator[tuple[Select[Any], Age]]:
    """Queries that share no export; each is answered from one index, without sorting.

    Most exports end as stored. So of a label and a state the label says where to look, unless the state is a rare one.
    """
    if shape.labels and (not shape.states or State.STORED in shape.states):
        yield _by_label(shape), _OF_LABEL
        return
    plain = select(exports.c.created_at.label("created_at"), exports.c.id.label("id"))
    plain = plain.where(*_conditions(shape), *(_carries(number, _OF_EXPORT) for number in range(shape.labels)))
    states = shape.states or (State if shape.account or shape.vendor else ())
    if not states:
        yield plain, _OF_EXPORT
    for state in states:
        yield plain.where(exports.c.state == literal_column(f"'{state}'")), _OF_EXPORT


def _by_label(shape: _Shape) -> Select[Any]:
    query = select(labels.c.created_at.label("created_at"), labels.c.export_id.label("id"))
    query = query.where(labels.c.key == bindparam("key_0"), labels.c.value == bindparam("value_0"))
    query = query.where(*(_carries(number, _OF_LABEL) for number in range(1, shape.labels)))
    conditions = _conditions(shape)
    if shape.states:
        conditions.append(exports.c.state.in_([literal_column(f"'{state}'") for state in shape.states]))
    if conditions:
        query = query.join(exports, exports.c.id == labels.c.export_id).where(*conditions)
    return query


def _conditions(shape: _Shape) -> list[ColumnElement[bool]]:
    account = [exports.c.account == bindparam("of_account")] if shape.account else []
    return account + ([exports.c.vendor == bindparam("of_vendor")] if shape.vendor else [])


def _carries(number: int, age: Age) -> ColumnElement[bool]:
    other = labels.alias()
    same = (other.c.key == bindparam(f"key_{number}"), other.c.value == bindparam(f"value_{number}"))
    return exists().where(*same, other.c.created_at == age[0], other.c.export_id == age[1])


def _within(query: Select[Any], age: Age, shape: _Shape) -> Select[Any]:
    """What is as new as `since`, and behind the page before: compared as a row, which an index can answer."""
    if shape.since:
        query = query.where(age[0] >= bindparam("since"))
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
