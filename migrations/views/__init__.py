"""Makes the ops_ views of a revision, and takes them away before a migration changes what they read."""

import re
from collections.abc import Mapping

import sqlalchemy as sa
from alembic import op

PREFIX = "ops_"
_WORDS: Mapping[str, Mapping[str, str]] = {
    "postgresql": {
        "now": "statement_timestamp()",
        "seconds": "CAST(extract(epoch FROM ({1} - {0})) AS double precision)",
        "floor": "CAST(floor({0}) AS integer)",
        "least": "least({0}, {1})",
        "greatest": "greatest({0}, {1})",
        "ended": "CAST({0} -> 'by_state' ->> '{1}' AS bigint)",
        "real": "CAST({0} AS double precision)",
    },
    "sqlite": {
        "now": "strftime('%Y-%m-%d %H:%M:%f000', 'now')",
        "seconds": "round((julianday({1}) - julianday({0})) * 86400.0, 3)",
        "floor": "CAST({0} AS INTEGER)",
        "least": "min({0}, {1})",
        "greatest": "max({0}, {1})",
        "ended": "coalesce(json_extract({0}, '$.by_state.{1}'), 0)",
        "real": "CAST({0} AS REAL)",
    },
}
# [word], or [word one, two]: what the two databases spell in two ways. The innermost is replaced first.
_PLACE = re.compile(r"\[(\w+)(?: ([^\[\]]*))?\]")


def create(definitions: Mapping[str, str | Mapping[str, str]]) -> None:
    """Make these views: their queries by name, in the SQL of both databases but for words in brackets, or one for each."""
    dialect = op.get_bind().dialect.name
    for name, either in definitions.items():
        query = either if isinstance(either, str) else either[dialect]
        op.execute(sa.text(f"CREATE VIEW {name} AS {spelled(query, dialect)}".replace(":", r"\:")))


def drop() -> None:
    """Take every ops_ view away.

    A migration that alters a table calls this first and `create` at its end: SQLite makes an altered table anew, and
    Postgres changes the type of no column that a view shows.
    """
    for name in sa.inspect(op.get_bind()).get_view_names():
        if name.startswith(PREFIX):
            op.execute(f"DROP VIEW {name}")


def spelled(query: str, dialect: str) -> str:
    """The query in a database's own words."""
    words = _WORDS[dialect]
    while place := _PLACE.search(query):
        given = [each.strip() for each in (place[2] or "").split(" | ")]
        query = query[: place.start()] + words[place[1]].format(*given) + query[place.end() :]
    return query
