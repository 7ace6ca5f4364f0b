"""Puts the tallies of many hours into a database at once, as months of steady work would have left them."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert

from landfall.database.tally_tables import export_hours, failure_hours, step_hours
from landfall.exports.histogram import Histogram, as_pairs
from landfall.exports.tally import COUNTERS
from tests.database.many_exports import COMMON_VENDOR, account_name

_PHASES = ("queue", "start", "poll", "download", "build", "landing")
_ERRORS = ("report_lost", "deadline_passed", "proof_failed")
_RUNS = 200
_SPREAD = 1.02
_CHUNK = 5000


def fill(connection: Connection, newest: datetime, first: int, last: int, *, accounts: int) -> None:
    """Add the hours of these numbers, counted back from `newest`, each with all that can happen to so many accounts."""
    counts = dict.fromkeys(COUNTERS, 200)
    times = _times()
    work: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for hour in (newest.replace(minute=0) - timedelta(hours=number) for number in range(first, last + 1)):
        for account in map(account_name, range(accounts)):
            kind = {"hour": hour, "account": account, "vendor": COMMON_VENDOR, "report_type": "USER_EVENTS"}
            work.append(kind | counts)
            steps += [kind | times | {"phase": phase} for phase in _PHASES]
            last_one = {
                "last_at": hour,
                "last_export_id": "exp_1",
                "error_message": "it failed",
                "error_action": "mend it",
            }
            failed += [kind | last_one | {"step": "poll", "error_code": code, "failures": 3} for code in _ERRORS]
    for table, rows in ((export_hours, work), (step_hours, steps), (failure_hours, failed)):
        for start in range(0, len(rows), _CHUNK):
            connection.execute(insert(table), rows[start : start + _CHUNK])


def _times() -> dict[str, Any]:
    times = Histogram()
    for number in range(_RUNS):
        times.add(_SPREAD**number)
    return {
        "runs": times.runs,
        "seconds": times.seconds,
        "p50_seconds": times.percentile(0.5),
        "p95_seconds": times.percentile(0.95),
        "max_seconds": times.longest,
        "ranges": as_pairs(times.ranges),
    }
