"""Throttle, turns, orphans and build times."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_QUEUED = "state = 'queued'"


def _account_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("rate_burst", sa.Double()),
        sa.Column("rate_refill", sa.Double(), server_default="0", nullable=False),
        sa.Column("tenant_weights", _JSON, server_default="{}", nullable=False),
        sa.Column("slot_limit", sa.Double()),
        sa.Column("strikes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True)),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("open_until", sa.DateTime(timezone=True)),
        sa.Column("probing", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("error_code", sa.String(63)),
        sa.Column("error_message", sa.Text()),
        sa.Column("error_action", sa.Text()),
        sa.Column("tokens", sa.Double(), server_default="0", nullable=False),
        sa.Column("tokens_at", sa.DateTime(timezone=True)),
        sa.Column("turn", sa.Double(), server_default="0", nullable=False),
    ]


def _export_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("tenant", sa.String(200), server_default="", nullable=False),
        sa.Column("turn", sa.Double(), server_default="0", nullable=False),
        sa.Column("polled_at", sa.DateTime(timezone=True)),
    ]


def _partial_index(name: str, table: str, columns: Sequence[str | sa.ColumnElement[Any]], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)


def upgrade() -> None:
    """Apply."""
    for column in _account_columns():
        op.add_column("accounts", column)
    for column in _export_columns():
        op.add_column("exports", column)
    op.drop_index("ix_exports_queue", table_name="exports")
    by_turn: list[str | sa.ColumnElement[Any]] = [
        "account",
        sa.literal_column("priority DESC"),
        "turn",
        "created_at",
        "id",
    ]
    _partial_index("ix_exports_queue", "exports", by_turn, _QUEUED)
    _partial_index("ix_exports_turns", "exports", ["account", "tenant", "turn"], _QUEUED)
    op.create_table(
        "orphans",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("account", sa.String(63), nullable=False),
        sa.Column("export_id", sa.String(40), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("order_hash", sa.String(64), nullable=False),
        sa.Column("report_id", sa.Text()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("built", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.name"], name="fk_orphans_account"),
        sa.ForeignKeyConstraint(["export_id"], ["exports.id"], name="fk_orphans_export_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_orphans"),
    )
    _partial_index("ix_orphans_due", "orphans", ["due_at"], "due_at IS NOT NULL")
    _partial_index("ix_orphans_slots", "orphans", ["account", "held_until"], "ended_at IS NULL")
    op.create_index("ix_orphans_export", "orphans", ["export_id"])
    op.create_index("ix_orphans_orders", "orphans", ["account", "order_hash"])
    op.create_table(
        "build_times",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("account", sa.String(63), nullable=False),
        sa.Column("report_type", sa.String(63), nullable=False),
        sa.Column("building", sa.Double(), nullable=False),
        sa.Column("finished", sa.Double(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.name"], name="fk_build_times_account"),
        sa.PrimaryKeyConstraint("id", name="pk_build_times"),
    )
    op.create_index("ix_build_times_newest", "build_times", ["account", "report_type", sa.literal_column("id DESC")])


def downgrade() -> None:
    """Undo."""
    op.drop_table("build_times")
    op.drop_table("orphans")
    op.drop_index("ix_exports_turns", table_name="exports")
    op.drop_index("ix_exports_queue", table_name="exports")
    by_age: list[str | sa.ColumnElement[Any]] = ["account", sa.literal_column("priority DESC"), "created_at", "id"]
    _partial_index("ix_exports_queue", "exports", by_age, _QUEUED)
    for column in _export_columns():
        op.drop_column("exports", column.name)
    for column in _account_columns():
        op.drop_column("accounts", column.name)
