"""Who looks at their Home tab, and what changed on it."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this form."""
    op.create_table(
        "homes",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("team_id", sa.String(32), nullable=False),
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("tab", sa.String(16), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("visited_at", sa.Float(), nullable=False),
        sa.Column("shown_at", sa.Float(), nullable=False),
        sa.Column("not_before", sa.Float(), nullable=False),
        sa.Column("lease_until", sa.Float(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.UniqueConstraint("team_id", "person"),
    )
    op.create_table(
        "home_changes",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("home_id", sa.Integer(), nullable=False),
    )
    op.create_index("ix_home_changes_home_id", "home_changes", ["home_id"])


def downgrade() -> None:
    """Go back to the form before."""
    op.drop_table("home_changes")
    op.drop_table("homes")
