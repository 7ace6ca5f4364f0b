"""Declares the ops_ views, which dashboards read: their columns are a contract, and migrations hold their SQL."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Double, MetaData, Table, Text
from sqlalchemy.types import TypeEngine

from landfall.database.clock import UtcDateTime

# Apart from the tables: no migration is to make tables of them.
metadata = MetaData()
_TYPES: dict[str, TypeEngine[Any]] = {
    "text": Text(),
    "integer": BigInteger(),
    "real": Double(),
    "boolean": Boolean(),
    "timestamp": UtcDateTime(),
}


def _view(name: str, columns: str) -> Table:
    """A view of these columns, each as `name type`; all may be NULL as far as anybody has to know."""
    named = (each.split() for each in columns.split(","))
    return Table(name, metadata, *(Column(column, _TYPES[kind]) for column, kind in named))


exports = _view(
    "ops_exports",
    "id text, account text, vendor text, report_type text, state text, priority integer, tenant text,"
    "generation integer, attempts integer, polls integer, deferrals integer, crashes integer,"
    "created_at timestamp, due_at timestamp, started_at timestamp, finished_at timestamp, deadline_at timestamp,"
    "seconds real, error_code text, error_message text, error_action text,"
    "file_uri text, file_bytes integer, file_rows integer, file_sha256 text, file_empty boolean,"
    "header_changed boolean, file_removed_at timestamp, labels text",
)
events = _view(
    "ops_events",
    "id integer, export_id text, account text, vendor text, report_type text, at timestamp, kind text, state text,"
    "step text, attempt integer, generation integer, seconds real,"
    "error_code text, error_message text, error_action text, note text",
)
accounts = _view(
    "ops_accounts",
    "account text, vendor text, max_started integer, slots_limit integer, slots_used integer, queued integer,"
    "starting integer, exporting integer, ready integer, overdue integer,"
    "oldest_queued_at timestamp, oldest_queued_seconds real, blocked_until timestamp, breaker text,"
    "open_until timestamp, paused_at timestamp, paused_by text, error_code text, error_message text, error_action text",
)
throughput = _view(
    "ops_throughput_hourly",
    "hour timestamp, account text, vendor text, report_type text, accepted integer, started integer, stored integer,"
    "empty integer, failed integer, cancelled integer, retried integer, polls integer, throttled integer,"
    "crashes integer, bytes integer, rows integer",
)
latency = _view(
    "ops_step_latency",
    "hour timestamp, account text, vendor text, report_type text, phase text, runs integer,"
    "mean_seconds real, p50_seconds real, p95_seconds real, max_seconds real",
)
failures = _view(
    "ops_failures",
    "hour timestamp, account text, vendor text, report_type text, step text, error_code text, failures integer,"
    "last_at timestamp, last_export_id text, error_message text, error_action text",
)
freshness = _view(
    "ops_freshness",
    "account text, vendor text, report_type text, window_end timestamp, age_seconds real, stored_at timestamp,"
    "export_id text, target_seconds real, met boolean",
)
polling = _view(
    "ops_polling",
    "account text, vendor text, report_type text, samples integer, mean_build_seconds real,"
    "mean_uncertainty_seconds real, max_build_seconds real, last_at timestamp",
)
workers = _view(
    "ops_workers",
    "id text, version text, started_at timestamp, seen_at timestamp, running integer, silent_seconds real,"
    "alive boolean",
)
batches = _view(
    "ops_batches",
    "id text, created_at timestamp, finished_at timestamp, requested integer, stored integer, failed integer,"
    "cancelled integer, live integer",
)
deliveries = _view(
    "ops_deliveries",
    "id text, webhook text, type text, subject text, account text, state text, attempts integer,"
    "created_at timestamp, due_at timestamp, finished_at timestamp, status integer, error text",
)
