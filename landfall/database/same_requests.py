"""Finds the exports of an account that ask for the same as a request does."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    func,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB

from landfall.database.few_sizes import few_sizes
from landfall.database.rows import job_of
from landfall.database.tables import exports
from landfall.exports.job import ExportJob
from landfall.exports.states import State


def in_flight(connection: Connection, account: str, hashes: Collection[str]) -> dict[str, ExportJob]:
    """The newest export that has not ended, by the hash of its request."""
    return _newest(connection, _IN_FLIGHT, account, hashes)


def stored(connection: Connection, account: str, hashes: Collection[str]) -> Mapping[str, ExportJob]:
    """The newest stored export whose file is kept, by the hash of its request."""
    found = _newest(connection, _WITH_FILE, account, hashes)
    return {asked: job for asked, job in found.items() if job.state is State.STORED}


def _newest(
    connection: Connection, query: Mapping[str, Select[Any]], account: str, hashes: Collection[str]
) -> dict[str, ExportJob]:
    if not hashes:
        return {}
    sought = {"of_account": account, "hashes": json.dumps(sorted(hashes))}
    ids = [found for found in connection.execute(query[connection.dialect.name], sought).scalars() if found]
    # By itself: joined, Postgres reads all exports while it believes that there are few.
    rows = (row for some in few_sizes(ids) for row in connection.execute(_THESE, {"ids": some}))
    return {row.request_hash: job_of(row) for row in rows}


_THESE = select(exports).where(exports.c.id.in_(bindparam("ids", expanding=True)))
_candidate = exports.alias("candidate")
_EACH_OF = {
    "postgresql": func.jsonb_array_elements_text(type_coerce(bindparam("hashes"), exports.c.id.type).cast(JSONB)),
    "sqlite": func.json_each(bindparam("hashes")),
}


def _query(dialect: str, *conditions: ColumnElement[bool]) -> Select[Any]:
    """One look into the index for each hash: of a list of hashes Postgres may think that a scan is cheaper."""
    sought = _EACH_OF[dialect].table_valued("value", name="sought")
    newest = (
        select(_candidate.c.id)
        .where(
            _candidate.c.account == bindparam("of_account"),
            _candidate.c.request_hash == sought.c.value,
            *conditions,
        )
        .order_by(_candidate.c.created_at.desc(), _candidate.c.id.desc())
        .limit(1)
        .correlate(sought)
        .scalar_subquery()
    )
    return select(newest).select_from(sought)


# Spelled as the partial indexes are, or SQLite would not see that they serve.
_is_live = _candidate.c.finished_at.is_(None)
_is_kept = _candidate.c.file_uri.is_not(None) & _candidate.c.file_removed_at.is_(None)
_IN_FLIGHT = {dialect: _query(dialect, _is_live) for dialect in _EACH_OF}
_WITH_FILE = {dialect: _query(dialect, _is_kept) for dialect in _EACH_OF}
