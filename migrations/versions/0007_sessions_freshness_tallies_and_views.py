"""Who is logged in to the pages, how far the stored files of each kind reach, the tallies of each hour, the views."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import views
from migrations.stored_before import fill_freshness
from migrations.views.as_of_0007 import VIEWS

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# New tables, indexes and views alone: the code of 0006 works on as before. The tallies fill up by themselves.
_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
_MOMENT = sa.DateTime(timezone=True)
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_COUNTERS = (
    *("accepted", "started", "stored", "empty", "failed", "cancelled"),
    *("retried", "polls", "throttled", "crashes"),
)
_BY_AGE: tuple[sa.ColumnElement[Any], ...] = (sa.literal_column("created_at DESC"), sa.literal_column("id DESC"))


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "sessions",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("form_token", sa.String(64), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_sessions"),
        sa.ForeignKeyConstraint(["key_id"], ["keys.id"], name="fk_sessions_key_id", ondelete="CASCADE"),
    )
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "freshness",
        sa.Column("account", sa.String(63), nullable=False),
        sa.Column("report_type", sa.String(63), nullable=False),
        sa.Column("target_seconds", sa.Double()),
        sa.Column("window_end", _MOMENT),
        sa.Column("stored_at", _MOMENT),
        sa.Column("export_id", sa.String(40)),
        sa.PrimaryKeyConstraint("account", "report_type", name="pk_freshness"),
        sa.ForeignKeyConstraint(["account"], ["accounts.name"], name="fk_freshness_account"),
    )
    fill_freshness(op.get_bind())
    _create_tallies()
    # A condition that is true of all exports and stands in the view: else SQLite would prefer it where another is better.
    _index("ix_exports_newest_in_view", "exports", ["account", *_BY_AGE], where="vendor <> ''")
    _index("ix_events_errors", "events", ["error_code", "id"], where="error_code IS NOT NULL")
    views.create(VIEWS)


def _create_tallies() -> None:
    op.create_table(
        "tallied",
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("event_id", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_tallied"),
    )
    op.execute("INSERT INTO tallied (name, event_id) VALUES ('events', 0)")
    of_hour = ("hour", "account", "vendor", "report_type")
    op.create_table(
        "export_hours",
        *_of_hour(),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTERS),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(*of_hour, name="pk_export_hours"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_export_hours_account", "export_hours", ["account", "hour"])
    seconds = ("seconds", "p50_seconds", "p95_seconds", "max_seconds")
    op.create_table(
        "step_hours",
        *_of_hour(),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Double(), nullable=False) for name in seconds),
        sa.Column("ranges", _JSON, nullable=False),
        sa.PrimaryKeyConstraint(*of_hour, "phase", name="pk_step_hours"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_step_hours_account", "step_hours", ["account", "hour"])
    op.create_table(
        "failure_hours",
        *_of_hour(),
        sa.Column("step", sa.String(16), nullable=False),
        sa.Column("error_code", sa.String(63), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", _MOMENT, nullable=False),
        sa.Column("last_export_id", sa.String(40), nullable=False),
        sa.Column("error_message", sa.Text()),
        sa.Column("error_action", sa.Text()),
        sa.PrimaryKeyConstraint(*of_hour, "step", "error_code", name="pk_failure_hours"),
        sqlite_with_rowid=False,
    )


def _of_hour() -> list[sa.Column[Any]]:
    return [
        sa.Column("hour", _MOMENT, nullable=False),
        sa.Column("account", sa.String(63), nullable=False),
        sa.Column("vendor", sa.String(63), nullable=False),
        sa.Column("report_type", sa.String(63), nullable=False),
    ]


def _index(name: str, table: str, columns: list[str | sa.ColumnElement[Any]], *, where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    """Undo."""
    views.drop()
    op.drop_index("ix_events_errors", table_name="events")
    op.drop_index("ix_exports_newest_in_view", table_name="exports")
    for table in ("failure_hours", "step_hours", "export_hours", "tallied"):
        op.drop_table(table)
    op.drop_table("freshness")
    op.drop_table("sessions")
