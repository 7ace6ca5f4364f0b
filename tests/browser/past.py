"""Plants a month of hourly figures into a SQLite database, as if Landfall had run for so long."""

import math
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import insert

from landfall.database.clock import read_clock
from landfall.database.sqlite import open_engine
from landfall.database.tally_tables import export_hours, step_hours
from landfall.exports.histogram import Histogram, as_pairs

_HOURS = 30 * 24
_SEED = 7


def plant_past(path: Path, accounts: Sequence[tuple[str, str, str]]) -> None:
    """Give each account (its name, vendor and report type) more work by day than by night, and a bad hour now and then."""
    chance = Random(_SEED)
    engine = open_engine(path, "BEGIN IMMEDIATE", size=1)
    with engine.begin() as connection:
        this = read_clock(connection).replace(minute=0, second=0, microsecond=0)
        for number, (name, vendor, report_type) in enumerate(accounts):
            exports, steps = [], []
            for back in range(_HOURS, 0, -1):
                hour = this - timedelta(hours=back)
                key = {"hour": hour, "account": name, "vendor": vendor, "report_type": report_type}
                busy = 1.3 + math.sin((hour.hour - 9) / 24 * 2 * math.pi) + 0.4 * (hour.weekday() < 5)
                stored = max(0, round(chance.gauss(9 * busy / (1 + number / 2), 2.5)))
                failed = chance.choice((0, 0, 0, 0, 1)) + (7 if chance.random() < 0.01 else 0)
                exports.append({**key, **_counted(stored, failed, chance)})
                if stored:
                    steps.append({**key, **_took(stored, 4 + 1.5 * number + 2 * busy, chance)})
            connection.execute(insert(export_hours), exports)
            connection.execute(insert(step_hours), steps)
    engine.dispose()


def _counted(stored: int, failed: int, chance: Random) -> dict[str, int]:
    cancelled = int(chance.random() < 0.05)
    ended = stored + failed + cancelled
    nothing = dict.fromkeys(("empty", "retried", "throttled", "crashes"), 0)
    made = {"accepted": ended, "started": ended, "stored": stored, "failed": failed, "cancelled": cancelled}
    return {**nothing, **made, "polls": 3 * ended, "bytes": stored * 4_800_000, "rows": stored * 31_000}


def _took(runs: int, mean: float, chance: Random) -> dict[str, Any]:
    """How long it took from the acceptance to the file."""
    seconds = Histogram()
    for _ in range(runs):
        seconds.add(mean * chance.lognormvariate(0, 0.35))
    parts = {"p50_seconds": seconds.percentile(0.5), "p95_seconds": seconds.percentile(0.95)}
    longest = {"runs": runs, "seconds": runs * seconds.mean, "max_seconds": seconds.percentile(1.0)}
    return {"phase": "landing", **longest, **parts, "ranges": as_pairs(seconds.ranges)}
