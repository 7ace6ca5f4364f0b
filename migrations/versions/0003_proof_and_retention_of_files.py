"""Proof and retention of files."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def _export_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("header_hash", sa.String(64)),
        sa.Column("header_changed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("file_removed_at", sa.DateTime(timezone=True)),
    ]


def upgrade() -> None:
    """Apply."""
    for column in _export_columns():
        op.add_column("exports", column)
    kept = sa.text("file_uri IS NOT NULL AND file_removed_at IS NULL")
    op.create_index("ix_exports_files", "exports", ["account", "finished_at"], sqlite_where=kept, postgresql_where=kept)
    op.create_table(
        "headers",
        sa.Column("account", sa.String(63), nullable=False),
        sa.Column("report_type", sa.String(63), nullable=False),
        sa.Column("header_hash", sa.String(64), nullable=False),
        sa.Column("columns", _JSON, nullable=False),
        sa.Column("export_id", sa.String(40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.name"], name="fk_headers_account"),
        sa.PrimaryKeyConstraint("account", "report_type", name="pk_headers"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("headers")
    op.drop_index("ix_exports_files", table_name="exports")
    for column in _export_columns():
        op.drop_column("exports", column.name)
