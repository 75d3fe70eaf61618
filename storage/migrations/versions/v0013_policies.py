"""What admins decide of repositories and people, and the groups that the settings name."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this form."""
    op.create_table(
        "repository_rules",
        sa.Column("pattern", sa.String(255), primary_key=True),
        sa.Column("is_allowed", sa.Boolean(), nullable=False),
        sa.Column("set_by", sa.String(32), nullable=False),
        sa.Column("set_at", sa.Float(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
    )
    op.create_table(
        "person_limits",
        sa.Column("team_id", sa.String(32), primary_key=True),
        sa.Column("person", sa.String(32), primary_key=True),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.Column("set_by", sa.String(32), nullable=False),
        sa.Column("set_at", sa.Float(), nullable=False),
    )
    op.add_column("audiences", sa.Column("is_named", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Go back to the form before."""
    with op.batch_alter_table("audiences") as table:
        table.drop_column("is_named")
    op.drop_table("person_limits")
    op.drop_table("repository_rules")
