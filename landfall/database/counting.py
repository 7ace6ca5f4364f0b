"""Counts the exports that a filter lets through."""

from collections import Counter
from collections.abc import Iterator

from sqlalchemy import ColumnElement, Connection, func, select

from landfall.database.reading import Filter
from landfall.database.service_tables import batch_items
from landfall.database.tables import exports, labels
from landfall.exports.states import State


def by_state(connection: Connection, wanted: Filter) -> Counter[State]:
    """How many exports of each state there are among those that `reading.page` would list."""
    query = select(exports.c.state, func.count()).where(*_conditions(wanted)).group_by(exports.c.state)
    return Counter({State(state): number for state, number in connection.execute(query)})


def _conditions(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    if wanted.states:
        yield exports.c.state.in_([state.value for state in wanted.states])
    if wanted.within is not None:
        yield exports.c.account.in_(sorted(wanted.within))
    for column, value in (
        (exports.c.account, wanted.account),
        (exports.c.vendor, wanted.vendor),
        (exports.c.error_code, wanted.error),
    ):
        if value:
            yield column == value
    if wanted.since is not None:
        yield exports.c.created_at >= wanted.since
    if wanted.until is not None:
        yield exports.c.created_at < wanted.until
    if wanted.batch:
        yield exports.c.id.in_(select(batch_items.c.export_id).where(batch_items.c.batch_id == wanted.batch))
    for key, value in wanted.labels:
        yield exports.c.id.in_(select(labels.c.export_id).where(labels.c.key == key, labels.c.value == value))
