"""Reads the dashboards, and fills in their queries as Grafana does."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.stack import ROOT

FOLDER = ROOT / "deploy" / "grafana" / "dashboards"
FILES = sorted(FOLDER.glob("*.json"))
SQL, PROMETHEUS = "landfall", "prometheus"

Values = str | Sequence[str]
# https://grafana.com/docs/grafana/latest/visualizations/dashboards/variables/variable-syntax/
_VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\$([a-zA-Z]\w*)")
# https://grafana.com/docs/grafana/latest/visualizations/dashboards/variables/add-template-variables/#global-variables
_INTERVAL = re.compile(r"\$__(rate_interval|interval)\b")
# https://grafana.com/docs/grafana/latest/datasources/postgres/query-editor/#macros: no parenthesis within an argument.
_MACRO = re.compile(r"\$(__\w+)\(([^)]*)\)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# What Grafana's Prometheus source escapes in a value: https://prometheus.io/docs/prometheus/latest/querying/basics/
_SPECIAL = re.compile(r"[\\^$*+?.()|\[\]{}]")


@dataclass(frozen=True)
class Showing:
    """What a dashboard shows: the values of its variables, a time range, and the width of a point in it."""

    variables: Mapping[str, Values] = field(default_factory=dict)
    since: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    until: datetime = datetime(2026, 1, 2, tzinfo=UTC)
    interval: str = "1h"


def load() -> list[dict[str, Any]]:
    """All dashboards."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in FILES]


def panels(dashboard: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The panels of a dashboard that show something."""
    return (panel for panel in dashboard["panels"] if panel["type"] != "row")


def sql_as_sent(text: str, showing: Showing) -> str:
    """A query to Postgres as the server gets it: variables are filled in by the page, then macros by the server."""
    text = _INTERVAL.sub(showing.interval, text)
    text = _VARIABLE.sub(lambda found: _in_sql(found, showing.variables), text)
    return _MACRO.sub(lambda found: _macro(found[1], [part.strip() for part in found[2].split(",")], showing), text)


def promql_as_sent(text: str, showing: Showing) -> str:
    """A query to Prometheus as it gets it."""
    text = _INTERVAL.sub(showing.interval, text)
    return _VARIABLE.sub(lambda found: _in_promql(found, showing.variables), text)


def _in_sql(found: re.Match[str], variables: Mapping[str, Values]) -> str:
    assert found[2] == "sqlstring", f"{found[0]} has a format that quotes nothing"
    return _sqlstring(variables[found[1]])


def _sqlstring(values: Values) -> str:
    quoted = ["'{}'".format(value.replace("'", "''")) for value in ([values] if isinstance(values, str) else values)]
    return ",".join(quoted)


def _in_promql(found: re.Match[str], variables: Mapping[str, Values]) -> str:
    assert found[3], f"{found[0]}: a format of one's own loses the escapes that Prometheus needs"
    values = variables[found[3]]
    if isinstance(values, str):
        return values.replace("\\", r"\\").replace('"', r"\"")
    escaped = [_SPECIAL.sub(lambda special: "\\\\" + special[0], value) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def _macro(name: str, given: Sequence[str], showing: Showing) -> str:
    macros: Mapping[str, Callable[..., str]] = {
        "__timeFilter": lambda column: f"{column} BETWEEN {_moment(showing.since)} AND {_moment(showing.until)}",
        "__timeFrom": lambda _: _moment(showing.since),
        "__timeTo": lambda _: _moment(showing.until),
        "__timeGroup": _time_group,
        "__timeGroupAlias": lambda column, interval, *fill: f'{_time_group(column, interval, *fill)} AS "time"',
    }
    return macros[name](*given)


def _moment(moment: datetime) -> str:
    return f"'{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}'"


def _time_group(column: str, interval: str, fill: str = "NULL") -> str:
    assert fill in {"0", "NULL", "previous"}
    plain = interval.strip("'")
    seconds = int(plain[:-1]) * _SECONDS[plain[-1]]
    return f"floor(extract(epoch from {column})/{seconds})*{seconds}"
