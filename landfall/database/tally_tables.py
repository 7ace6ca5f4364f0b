"""Declares the tables that count what happened in each hour, so that no look at the past goes through all exports."""

from sqlalchemy import BigInteger, Column, Double, Index, Integer, String, Table, Text

from landfall.database.clock import UtcDateTime
from landfall.database.columns import Json, Key, metadata

# One row: the number of the last event that was counted.
tallied = Table(
    "tallied",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("event_id", Key, nullable=False),
)

export_hours = Table(
    "export_hours",
    metadata,
    Column("hour", UtcDateTime, primary_key=True),
    Column("account", String(63), primary_key=True),
    Column("vendor", String(63), primary_key=True),
    Column("report_type", String(63), primary_key=True),
    Column("accepted", Integer, nullable=False),
    Column("started", Integer, nullable=False),
    Column("stored", Integer, nullable=False),
    Column("empty", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("cancelled", Integer, nullable=False),
    Column("retried", Integer, nullable=False),
    Column("polls", Integer, nullable=False),
    Column("throttled", Integer, nullable=False),
    Column("crashes", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# `ranges` is a histogram's (landfall.exports.histogram), from which the percentiles beside it were taken.
step_hours = Table(
    "step_hours",
    metadata,
    Column("hour", UtcDateTime, primary_key=True),
    Column("account", String(63), primary_key=True),
    Column("vendor", String(63), primary_key=True),
    Column("report_type", String(63), primary_key=True),
    Column("phase", String(16), primary_key=True),
    Column("runs", Integer, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("p50_seconds", Double, nullable=False),
    Column("p95_seconds", Double, nullable=False),
    Column("max_seconds", Double, nullable=False),
    Column("ranges", Json, nullable=False),
    sqlite_with_rowid=False,
)

# `step` is empty where the export failed in none; the last four are of the last export that failed so.
failure_hours = Table(
    "failure_hours",
    metadata,
    Column("hour", UtcDateTime, primary_key=True),
    Column("account", String(63), primary_key=True),
    Column("vendor", String(63), primary_key=True),
    Column("report_type", String(63), primary_key=True),
    Column("step", String(16), primary_key=True),
    Column("error_code", String(63), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    Column("last_export_id", String(40), nullable=False),
    Column("error_message", Text),
    Column("error_action", Text),
    sqlite_with_rowid=False,
)

Index("ix_export_hours_account", export_hours.c.account, export_hours.c.hour)
Index("ix_step_hours_account", step_hours.c.account, step_hours.c.hour)
