"""Names requests that the tests ask for, each another than all before."""

import itertools
from typing import Any

_numbers = itertools.count()


def events() -> dict[str, Any]:
    """A request of shop-bwp."""
    number = next(_numbers)
    end = f"2026-02-{number // 1440 + 1:02}T{number // 60 % 24:02}:{number % 60:02}:00Z"
    return {"report_type": "USER_EVENTS", "start": "2026-01-01", "end": end}


def orders() -> dict[str, Any]:
    """A request of shop-ab."""
    return {"experience_id": f"23272b65-efac-412d-a8aa-{next(_numbers):012x}", "export_type": "orders"}
