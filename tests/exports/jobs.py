"""Makes exports for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from landfall.exports.job import ExportJob

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def make_job(**changes: Any) -> ExportJob:
    """A queued export, but for the changes."""
    given: dict[str, Any] = {
        "id": "exp_1",
        "account": "shop-bwp",
        "vendor": "buy_with_prime",
        "report_type": "USER_EVENTS",
        "request": {"report_type": "USER_EVENTS"},
        "request_hash": "0" * 64,
        "created_at": NOON,
        "deadline": timedelta(hours=12),
    }
    return ExportJob(**{**given, **changes})
