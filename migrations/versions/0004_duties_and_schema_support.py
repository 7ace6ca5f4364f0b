"""Duties, counted crashes, and which releases the schema supports."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Two new tables and a column with a default: the code of 0003 works on as before.
_OLDEST = "0003"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "duties",
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("holder", sa.String(200), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_duties"),
    )
    support = op.create_table(
        "schema_support",
        sa.Column("oldest", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("oldest", name="pk_schema_support"),
    )
    op.add_column("exports", sa.Column("crashes", sa.Integer(), server_default="0", nullable=False))
    op.bulk_insert(support, [{"oldest": _OLDEST}])


def downgrade() -> None:
    """Undo."""
    op.drop_column("exports", "crashes")
    op.drop_table("schema_support")
    op.drop_table("duties")
