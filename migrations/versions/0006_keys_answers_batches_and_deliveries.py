"""Keys, kept answers, batches, webhook deliveries, workers' reports, and accounts that are paused."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# New tables and indexes, nullable columns and one with a default: the code of 0003 works on as before. It goes on to
# start what is queued in a paused account, until it is replaced.
_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
_MOMENT = sa.DateTime(timezone=True)
_BY_AGE: tuple[sa.ColumnElement[Any], ...] = (sa.literal_column("created_at DESC"), sa.literal_column("id DESC"))


def upgrade() -> None:
    """Apply."""
    op.add_column("accounts", sa.Column("paused_at", _MOMENT))
    op.add_column("accounts", sa.Column("paused_by", sa.String(100)))
    op.add_column("accounts", sa.Column("probe", sa.String(40)))
    op.add_column("exports", sa.Column("callback_url", sa.Text()))
    op.add_column("exports", sa.Column("withdrawals", sa.Integer(), server_default="0", nullable=False))
    _change_events()
    _index("ix_exports_newest_of_error", "exports", ["error_code", *_BY_AGE], where="error_code IS NOT NULL")
    kept = "file_uri IS NOT NULL AND file_removed_at IS NULL"
    _index("ix_exports_reusable", "exports", ["account", "request_hash"], where=kept)
    _create_keys()
    _create_batches()
    _create_deliveries()
    op.create_table(
        "workers",
        sa.Column("id", sa.String(200), nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=False),
        sa.Column("running", sa.Integer(), nullable=False),
        sa.Column("metrics", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )


def _change_events() -> None:
    op.add_column("events", sa.Column("untold", sa.Boolean(), server_default=sa.false()))
    # What is there is no news; what the code of 0005 writes from now on has NULL. SQLite makes the table anew for that (two
    # seconds for half a million events), and gives no number twice from then on.
    with op.batch_alter_table("events", table_kwargs={"sqlite_autoincrement": True}) as events:
        events.alter_column("untold", existing_type=sa.Boolean(), server_default=None)
    _index("ix_events_untold", "events", ["id"], where="untold IS NOT FALSE")


def _create_keys() -> None:
    op.create_table(
        "keys",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("prefix", sa.String(16), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("scope", sa.String(16), nullable=False),
        sa.Column("accounts", _JSON),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT),
        sa.Column("revoked_at", _MOMENT),
        sa.Column("last_used_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_keys"),
        sa.UniqueConstraint("prefix", name="uq_keys_prefix"),
    )
    op.create_table(
        "seals",
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_seals"),
    )
    op.create_table(
        "answers",
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("idempotency_key", sa.String(255), nullable=False),
        sa.Column("request_hash", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("location", sa.Text()),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key_id", "idempotency_key", name="pk_answers"),
    )
    op.create_index("ix_answers_created_at", "answers", ["created_at"])


def _create_batches() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("requested", sa.Integer(), nullable=False),
        sa.Column("labels", _JSON, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("finished_at", _MOMENT),
        sa.Column("ending", _JSON),
        sa.PrimaryKeyConstraint("id", name="pk_batches"),
    )
    op.create_index("ix_batches_newest", "batches", [*_BY_AGE])
    _index("ix_batches_unfinished", "batches", ["id"], where="finished_at IS NULL")
    op.create_table(
        "batch_items",
        sa.Column("batch_id", sa.String(40), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("export_id", sa.String(40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("ours", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "created_at", "export_id", name="pk_batch_items"),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_batch_items_batch_id", ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_batch_items_export", "batch_items", ["export_id"])
    op.create_table(
        "batch_accounts",
        sa.Column("account", sa.String(63), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("batch_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("account", "created_at", "batch_id", name="pk_batch_accounts"),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_batch_accounts_batch_id", ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_batch_accounts_batch", "batch_accounts", ["batch_id", "account"])


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("webhook", sa.String(63)),
        sa.Column("url", sa.Text()),
        sa.Column("type", sa.String(63), nullable=False),
        sa.Column("subject", sa.String(40), nullable=False),
        sa.Column("account", sa.String(63)),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("due_at", _MOMENT),
        sa.Column("finished_at", _MOMENT),
        sa.Column("status", sa.Integer()),
        sa.Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
    )
    _index("ix_deliveries_due", "deliveries", ["due_at"], where="due_at IS NOT NULL")
    op.create_index("ix_deliveries_newest", "deliveries", [*_BY_AGE])
    op.create_index("ix_deliveries_newest_of_state", "deliveries", ["state", *_BY_AGE])
    op.create_index("ix_deliveries_subject", "deliveries", ["subject"])


def _index(name: str, table: str, columns: list[str | sa.ColumnElement[Any]], *, where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    """Undo."""
    for table in ("workers", "deliveries", "batch_accounts", "batch_items", "batches", "answers", "seals", "keys"):
        op.drop_table(table)
    op.drop_index("ix_exports_reusable", table_name="exports")
    op.drop_index("ix_exports_newest_of_error", table_name="exports")
    op.drop_index("ix_events_untold", table_name="events")
    op.drop_column("events", "untold")
    op.drop_column("exports", "withdrawals")
    op.drop_column("exports", "callback_url")
    op.drop_column("accounts", "probe")
    op.drop_column("accounts", "paused_by")
    op.drop_column("accounts", "paused_at")
