"""Declares the tables around the exports: keys, kept answers, batches, webhook deliveries, workers; as private."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from landfall.database.clock import UtcDateTime
from landfall.database.columns import Json, index_where, metadata

# Who may use the API: the SHA-256 of each key, found by the key's first letters.
keys = Table(
    "keys",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("prefix", String(16), nullable=False, unique=True),
    Column("sha256", String(64), nullable=False),
    Column("scope", String(16), nullable=False),
    Column("accounts", Json),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
)

# Who is logged in to the pages: the SHA-256 of what the browser's cookie holds, and what its forms prove themselves by.
sessions = Table(
    "sessions",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("key_id", String(40), ForeignKey("keys.id", ondelete="CASCADE"), nullable=False),
    Column("form_token", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

# What the API seals with, so that nobody else can make what it hands out and takes back.
seals = Table(
    "seals", metadata, Column("name", String(63), primary_key=True), Column("key", String(64), nullable=False)
)

# What was answered under an Idempotency-Key, for a day.
answers = Table(
    "answers",
    metadata,
    Column("key_id", String(40), primary_key=True),
    Column("idempotency_key", String(255), primary_key=True),
    Column("request_hash", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("location", Text),
    Column("body", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

# Requests that were made together, and the exports that answer them; `ours` are those that the batch itself made.
batches = Table(
    "batches",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("requested", Integer, nullable=False),
    Column("labels", Json, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    # How its exports ended, as long as `finished_at` is set: nobody need count them again.
    Column("ending", Json),
)
batch_items = Table(
    "batch_items",
    metadata,
    Column("batch_id", String(40), ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True),
    Column("created_at", UtcDateTime, primary_key=True),
    Column("export_id", String(40), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("ours", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
# Whose exports a batch has, of the batch's age: a key that is limited to accounts finds its batches here.
batch_accounts = Table(
    "batch_accounts",
    metadata,
    Column("account", String(63), primary_key=True),
    Column("created_at", UtcDateTime, primary_key=True),
    Column("batch_id", String(40), ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True),
    sqlite_with_rowid=False,
)

# The outbox: what a webhook of the settings, or an export's callback_url, is still to be told, and what was told.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("webhook", String(63)),
    Column("url", Text),
    Column("type", String(63), nullable=False),
    Column("subject", String(40), nullable=False),
    Column("account", String(63)),
    Column("payload", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("status", Integer),
    Column("error", Text),
)

# What each worker last said of itself; `metrics` is in Prometheus' text format.
workers = Table(
    "workers",
    metadata,
    Column("id", String(200), primary_key=True),
    Column("version", String(32), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("running", Integer, nullable=False),
    Column("metrics", Text),
)

is_unfinished = batches.c.finished_at.is_(None)

Index("ix_sessions_expires_at", sessions.c.expires_at)
Index("ix_answers_created_at", answers.c.created_at)
Index("ix_batches_newest", batches.c.created_at.desc(), batches.c.id.desc())
index_where("ix_batches_unfinished", batches.c.id, where=is_unfinished)
Index("ix_batch_items_export", batch_items.c.export_id)
Index("ix_batch_accounts_batch", batch_accounts.c.batch_id, batch_accounts.c.account)
index_where("ix_deliveries_due", deliveries.c.due_at, where=deliveries.c.due_at.is_not(None))
_newest_delivery = (deliveries.c.created_at.desc(), deliveries.c.id.desc())
Index("ix_deliveries_newest", *_newest_delivery)
Index("ix_deliveries_newest_of_state", deliveries.c.state, *_newest_delivery)
Index("ix_deliveries_subject", deliveries.c.subject)
