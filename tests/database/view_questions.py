"""Asks the views as dashboards do, in the SQL that both databases know."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from string import Template

_QUESTIONS = {
    "ops_accounts": "SELECT * FROM ops_accounts ORDER BY account",
    "ops_accounts: of one": "SELECT * FROM ops_accounts WHERE account = '$account'",
    "ops_exports: the newest": "SELECT * FROM ops_exports $newest",
    "ops_exports: of an account": "SELECT * FROM ops_exports WHERE account = '$account' $newest",
    "ops_exports: of a state": "SELECT * FROM ops_exports WHERE state = 'failed' $newest",
    "ops_exports: of a state that nobody is in": "SELECT * FROM ops_exports WHERE state = 'cancelled' $newest",
    "ops_exports: of an account and a state": "SELECT * FROM ops_exports WHERE account = '$account' AND state = 'stored' $newest",
    "ops_exports: with an error": "SELECT * FROM ops_exports WHERE error_code = 'report_lost' $newest",
    "ops_exports: one": "SELECT * FROM ops_exports WHERE id = '$export'",
    "ops_events: the newest": "SELECT * FROM ops_events ORDER BY id DESC LIMIT 100",
    "ops_events: of an account": "SELECT * FROM ops_events WHERE account = '$account' ORDER BY id DESC LIMIT 100",
    "ops_events: of an export": "SELECT * FROM ops_events WHERE export_id = '$export' ORDER BY id",
    "ops_events: with an error": (
        "SELECT * FROM ops_events WHERE error_code = 'report_lost' ORDER BY id DESC LIMIT 100"
    ),
    "ops_throughput_hourly": "SELECT * FROM ops_throughput_hourly WHERE $since ORDER BY hour",
    "ops_throughput_hourly: sums by hour": (
        "SELECT hour, sum(stored) AS stored, sum(failed) AS failed, sum(bytes) AS bytes FROM ops_throughput_hourly "
        "WHERE $since GROUP BY hour ORDER BY hour"
    ),
    "ops_throughput_hourly: of an account": (
        "SELECT * FROM ops_throughput_hourly WHERE $since AND account = '$account' ORDER BY hour"
    ),
    "ops_step_latency": "SELECT * FROM ops_step_latency WHERE $since ORDER BY hour",
    "ops_step_latency: of an account and a phase": (
        "SELECT hour, report_type, p50_seconds, p95_seconds FROM ops_step_latency "
        "WHERE $since AND account = '$account' AND phase = 'landing' ORDER BY hour"
    ),
    "ops_failures": "SELECT * FROM ops_failures WHERE $since ORDER BY last_at DESC",
    "ops_failures: of an account": (
        "SELECT * FROM ops_failures WHERE $since AND account = '$account' ORDER BY last_at DESC"
    ),
    "ops_failures: with an error": "SELECT * FROM ops_failures WHERE $since AND error_code = 'report_lost'",
    "ops_freshness": "SELECT * FROM ops_freshness ORDER BY account, report_type",
    "ops_polling": "SELECT * FROM ops_polling ORDER BY account, report_type",
    "ops_workers": "SELECT * FROM ops_workers ORDER BY id",
    "ops_batches: the newest": "SELECT * FROM ops_batches $newest",
    "ops_deliveries: the newest": "SELECT * FROM ops_deliveries $newest",
    "ops_deliveries: of a state": "SELECT * FROM ops_deliveries WHERE state = 'failed' $newest",
}


def questions(newest: datetime, account: str, export: str, days: int = 7) -> Mapping[str, str]:
    """What is asked of the time before `newest`: the hours of so many days, one account, one export."""
    places = {
        "account": account,
        "export": export,
        "since": f"hour >= '{newest - timedelta(days=days):%Y-%m-%d %H:%M:%S}'",
        "newest": "ORDER BY created_at DESC LIMIT 100",
    }
    return {name: Template(question).substitute(places) for name, question in _QUESTIONS.items()}
