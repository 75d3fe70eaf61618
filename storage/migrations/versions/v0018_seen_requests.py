"""Which signed requests of Slack were taken already."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this form."""
    op.create_table(
        "seen_requests",
        sa.Column("key", sa.String(80), primary_key=True),
        sa.Column("at", sa.Float(), nullable=False),
    )
    op.create_index("ix_seen_requests_at", "seen_requests", ["at"])


def downgrade() -> None:
    """Go back to the form before."""
    op.drop_table("seen_requests")
