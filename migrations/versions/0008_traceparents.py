"""The place in a trace that an export goes on from."""

import sqlalchemy as sa
from alembic import op

from migrations import views
from migrations.views.as_of_0007 import VIEWS

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# A nullable column: the code of 0007 works on as before, and what it accepts has no traceparent. The views do not show
# it, so that those of 0007 stay.


def upgrade() -> None:
    """Apply."""
    views.drop()
    op.add_column("exports", sa.Column("traceparent", sa.Text()))
    views.create(VIEWS)


def downgrade() -> None:
    """Undo."""
    views.drop()
    op.drop_column("exports", "traceparent")
    views.create(VIEWS)
