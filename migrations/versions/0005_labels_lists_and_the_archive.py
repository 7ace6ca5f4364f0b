"""Labels, lists and the archive."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from alembic.util import CommandError
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# New tables and indexes, and triggers that keep the labels whoever writes: the code of 0003 works on as before, which is
# what 0004 wrote into schema_support.
_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
_BY_AGE: tuple[sa.ColumnElement[Any], ...] = (sa.literal_column("created_at DESC"), sa.literal_column("id DESC"))
_LISTS: dict[str, list[str | sa.ColumnElement[Any]]] = {
    "ix_exports_newest_of_state": ["state", *_BY_AGE],
    "ix_exports_newest_of_account": ["account", "state", *_BY_AGE],
    "ix_exports_newest_of_vendor": ["vendor", "state", *_BY_AGE],
}

_FILL_ON_SQLITE = """
INSERT INTO labels (key, value, created_at, export_id)
SELECT each.key, each.value, exports.created_at, exports.id FROM exports, json_each(exports.labels) AS each
"""
_TRIGGERS_ON_SQLITE = (
    """
CREATE TRIGGER keep_labels AFTER INSERT ON exports WHEN NEW.labels != '{}' BEGIN
    INSERT INTO labels (key, value, created_at, export_id)
    SELECT each.key, each.value, NEW.created_at, NEW.id FROM json_each(NEW.labels) AS each;
END
""",
    """
CREATE TRIGGER drop_labels AFTER DELETE ON exports WHEN OLD.labels != '{}' BEGIN
    DELETE FROM labels WHERE created_at = OLD.created_at AND export_id = OLD.id
    AND (key, value) IN (SELECT each.key, each.value FROM json_each(OLD.labels) AS each);
END
""",
)
_FILL_ON_POSTGRES = """
INSERT INTO labels (key, value, created_at, export_id)
SELECT each.key, each.value, exports.created_at, exports.id FROM exports, jsonb_each_text(exports.labels) AS each
"""
_TRIGGERS_ON_POSTGRES = (
    """
CREATE FUNCTION keep_labels() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$ BEGIN
    INSERT INTO labels (key, value, created_at, export_id)
    SELECT each.key, each.value, NEW.created_at, NEW.id FROM jsonb_each_text(NEW.labels) AS each;
    RETURN NULL;
END $$
""",
    """
CREATE FUNCTION drop_labels() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$ BEGIN
    DELETE FROM labels USING jsonb_each_text(OLD.labels) AS each
    WHERE labels.key = each.key AND labels.value = each.value
    AND labels.created_at = OLD.created_at AND labels.export_id = OLD.id;
    RETURN NULL;
END $$
""",
    """
CREATE TRIGGER keep_labels AFTER INSERT ON exports
FOR EACH ROW WHEN (NEW.labels <> '{}'::jsonb) EXECUTE FUNCTION keep_labels()
""",
    """
CREATE TRIGGER drop_labels AFTER DELETE ON exports
FOR EACH ROW WHEN (OLD.labels <> '{}'::jsonb) EXECUTE FUNCTION drop_labels()
""",
)


def upgrade() -> None:
    """Apply."""
    for name, columns in _LISTS.items():
        op.create_index(name, "exports", columns)
    ended = sa.text("finished_at IS NOT NULL")
    op.create_index("ix_exports_ended", "exports", ["finished_at", "id"], sqlite_where=ended, postgresql_where=ended)
    _create_labels()
    op.create_table(
        "archived_exports",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("account", sa.String(63), nullable=False),
        sa.Column("vendor", sa.String(63), nullable=False),
        sa.Column("report_type", sa.String(63), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("export", _JSON, nullable=False),
        sa.Column("events", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_archived_exports"),
    )


def _create_labels() -> None:
    op.create_table(
        "labels",
        sa.Column("key", sa.String(63), nullable=False),
        sa.Column("value", sa.String(200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("export_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("key", "value", "created_at", "export_id", name="pk_labels"),
        sqlite_with_rowid=False,
    )
    on_postgres = op.get_bind().dialect.name == "postgresql"
    op.execute(_FILL_ON_POSTGRES if on_postgres else _FILL_ON_SQLITE)
    for statement in _TRIGGERS_ON_POSTGRES if on_postgres else _TRIGGERS_ON_SQLITE:
        op.execute(statement)


def downgrade() -> None:
    """Undo. Raises CommandError where exports were archived: the code of 0004 would not find them."""
    if op.get_bind().execute(sa.text("SELECT id FROM archived_exports LIMIT 1")).first():
        raise CommandError("archived_exports holds exports that revision 0004 cannot read; stay at 0005.")
    op.drop_table("archived_exports")
    on_postgres = op.get_bind().dialect.name == "postgresql"
    for name in ("keep_labels", "drop_labels"):
        op.execute(f"DROP TRIGGER {name}" + (" ON exports" if on_postgres else ""))
        if on_postgres:
            op.execute(f"DROP FUNCTION {name}()")
    op.drop_table("labels")
    op.drop_index("ix_exports_ended", table_name="exports")
    for name in _LISTS:
        op.drop_index(name, table_name="exports")
