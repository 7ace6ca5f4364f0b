"""Declares the tables; private to Landfall, dashboards read views."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    false,
    literal_column,
)

from landfall.database.clock import UtcDateTime
from landfall.database.columns import Json, Key, index_where, metadata
from landfall.exports.states import SLOT_HOLDING, State

accounts = Table(
    "accounts",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("vendor", String(63), nullable=False),
    Column("max_started", Integer, nullable=False),
    Column("rate_burst", Double),
    Column("rate_refill", Double, nullable=False, server_default="0"),
    Column("tenant_weights", Json, nullable=False, server_default="{}"),
    Column("slot_limit", Double),
    Column("strikes", Integer, nullable=False, server_default="0"),
    Column("blocked_until", UtcDateTime),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("open_until", UtcDateTime),
    Column("probing", Boolean, nullable=False, server_default=false()),
    Column("probe", String(40)),
    Column("error_code", String(63)),
    Column("error_message", Text),
    Column("error_action", Text),
    Column("tokens", Double, nullable=False, server_default="0"),
    Column("tokens_at", UtcDateTime),
    Column("turn", Double, nullable=False, server_default="0"),
    Column("paused_at", UtcDateTime),
    Column("paused_by", String(100)),
)

exports = Table(
    "exports",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("account", String(63), ForeignKey("accounts.name"), nullable=False),
    Column("vendor", String(63), nullable=False),
    Column("report_type", String(63), nullable=False),
    Column("request", Json, nullable=False),
    Column("request_hash", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("labels", Json, nullable=False),
    Column("tenant", String(200), nullable=False, server_default=""),
    Column("turn", Double, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False),
    Column("polls", Integer, nullable=False),
    Column("deferrals", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("crashes", Integer, nullable=False, server_default="0"),
    Column("leased", Boolean, nullable=False),
    Column("deadline_seconds", Double, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime),
    Column("deadline_at", UtcDateTime),
    Column("started_at", UtcDateTime),
    Column("polled_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("report_id", Text),
    Column("error_code", String(63)),
    Column("error_message", Text),
    Column("error_action", Text),
    Column("file_uri", Text),
    Column("file_bytes", BigInteger),
    Column("file_rows", BigInteger),
    Column("file_sha256", String(64)),
    Column("file_columns", Json),
    Column("file_empty", Boolean),
    Column("header_hash", String(64)),
    Column("header_changed", Boolean, nullable=False, server_default=false()),
    Column("file_removed_at", UtcDateTime),
    Column("callback_url", Text),
    Column("withdrawals", Integer, nullable=False, server_default="0"),
    Column("traceparent", Text),
    CheckConstraint(f"state IN ({', '.join(repr(state.value) for state in State)})", name="state"),
)

events = Table(
    "events",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("export_id", String(40), ForeignKey("exports.id", ondelete="CASCADE"), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("step", String(16)),
    Column("attempt", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("seconds", Double),
    Column("error_code", String(63)),
    Column("error_message", Text),
    Column("error_action", Text),
    Column("note", Text),
    # Set where the export ended: whoever hands out the news to webhooks has yet to see it. NULL where an earlier release
    # wrote the event, which knows no webhooks: whether it is news is still to be found out.
    Column("untold", Boolean),
    # Else the number of a removed event would come again.
    sqlite_autoincrement=True,
)

# Each label of each export, written and removed by triggers of the database: the code of 0004 accepts exports too.
labels = Table(
    "labels",
    metadata,
    Column("key", String(63), primary_key=True),
    Column("value", String(200), primary_key=True),
    Column("created_at", UtcDateTime, primary_key=True),
    Column("export_id", String(40), primary_key=True),
    sqlite_with_rowid=False,
)

# Exports that ended long ago, with their timelines: found by their id, listed nowhere.
archived_exports = Table(
    "archived_exports",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("account", String(63), nullable=False),
    Column("vendor", String(63), nullable=False),
    Column("report_type", String(63), nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime, nullable=False),
    Column("export", Json, nullable=False),
    Column("events", Json, nullable=False),
)

# A report at the vendor that no export is waiting for in a slot of its own, but that may hold one of the vendor's.
orphans = Table(
    "orphans",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("account", String(63), ForeignKey("accounts.name"), nullable=False),
    Column("export_id", String(40), ForeignKey("exports.id", ondelete="CASCADE"), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("order_hash", String(64), nullable=False),
    Column("report_id", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("held_until", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("built", Boolean, nullable=False, server_default=false()),
)

build_times = Table(
    "build_times",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("account", String(63), ForeignKey("accounts.name"), nullable=False),
    Column("report_type", String(63), nullable=False),
    Column("building", Double, nullable=False),
    Column("finished", Double, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

# The columns of the last stored file of each kind.
headers = Table(
    "headers",
    metadata,
    Column("account", String(63), ForeignKey("accounts.name"), primary_key=True),
    Column("report_type", String(63), primary_key=True),
    Column("header_hash", String(64), nullable=False),
    Column("columns", Json, nullable=False),
    Column("export_id", String(40), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

# How far the stored files of each kind reach, and how old the settings let that become: `target_seconds` is NULL where
# they say nothing, the others where nothing was stored yet.
freshness = Table(
    "freshness",
    metadata,
    Column("account", String(63), ForeignKey("accounts.name"), primary_key=True),
    Column("report_type", String(63), primary_key=True),
    Column("target_seconds", Double),
    Column("window_end", UtcDateTime),
    Column("stored_at", UtcDateTime),
    Column("export_id", String(40)),
)

# What one process at a time does for all of them, and who that is until when.
duties = Table(
    "duties",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("holder", String(200), nullable=False),
    Column("until", UtcDateTime, nullable=False),
)

# One row: the oldest revision whose code can work on this schema.
schema_support = Table("schema_support", metadata, Column("oldest", String(32), primary_key=True))

# Spelled with literals, not parameters: SQLite uses a partial index only where it can see the condition.
is_queued = exports.c.state == literal_column(f"'{State.QUEUED}'")
holds_slot = exports.c.state.in_([literal_column(f"'{state}'") for state in sorted(SLOT_HOLDING)])
is_live = exports.c.finished_at.is_(None)
is_held = orphans.c.ended_at.is_(None)
is_kept = exports.c.file_uri.is_not(None) & exports.c.file_removed_at.is_(None)
is_dated = exports.c.due_at.is_not(None)
has_ended = exports.c.finished_at.is_not(None)
has_error = exports.c.error_code.is_not(None)
# Of no type: to a Boolean SQLAlchemy adds `= 1` on SQLite, which uses the index for the very condition it was made with.
is_untold: ColumnElement[bool] = literal_column("events.untold IS NOT FALSE")


index_where("ix_exports_due", exports.c.due_at, where=is_dated)
index_where(
    "ix_exports_queue",
    exports.c.account,
    exports.c.priority.desc(),
    exports.c.turn,
    exports.c.created_at,
    exports.c.id,
    where=is_queued,
)
index_where("ix_exports_turns", exports.c.account, exports.c.tenant, exports.c.turn, where=is_queued)
index_where("ix_exports_slots", exports.c.account, where=holds_slot)
index_where("ix_exports_in_flight", exports.c.account, exports.c.request_hash, where=is_live)
index_where("ix_exports_reusable", exports.c.account, exports.c.request_hash, where=is_kept)
index_where("ix_exports_files", exports.c.account, exports.c.finished_at, where=is_kept)
index_where("ix_exports_ended", exports.c.finished_at, exports.c.id, where=has_ended)
_by_age = (exports.c.created_at.desc(), exports.c.id.desc())
Index("ix_exports_newest", *_by_age)
Index("ix_exports_newest_of_state", exports.c.state, *_by_age)
Index("ix_exports_newest_of_account", exports.c.account, exports.c.state, *_by_age)
Index("ix_exports_newest_of_vendor", exports.c.vendor, exports.c.state, *_by_age)
# For the view alone, which has this condition, true of all: SQLite would take it for what finds a request by its hash.
index_where("ix_exports_newest_in_view", exports.c.account, *_by_age, where=exports.c.vendor != literal_column("''"))
index_where("ix_exports_newest_of_error", exports.c.error_code, *_by_age, where=has_error)
Index("ix_events_export", events.c.export_id, events.c.id)
index_where("ix_events_errors", events.c.error_code, events.c.id, where=events.c.error_code.is_not(None))
index_where("ix_events_untold", events.c.id, where=is_untold)
index_where("ix_orphans_slots", orphans.c.account, orphans.c.held_until, where=is_held)
index_where("ix_orphans_due", orphans.c.due_at, where=orphans.c.due_at.is_not(None))
Index("ix_orphans_orders", orphans.c.account, orphans.c.order_hash)
Index("ix_orphans_export", orphans.c.export_id)
Index("ix_build_times_newest", build_times.c.account, build_times.c.report_type, build_times.c.id.desc())
