"""People's connections with GitHub, deploy tokens, and binders whose repository needs a right."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this form."""
    op.create_table(
        "github_connections",
        sa.Column("id", sa.String(80), primary_key=True),
        sa.Column("team_id", sa.String(32), nullable=False),
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("asked_at", sa.Float(), nullable=False),
        sa.Column("login", sa.String(64), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("user_code", sa.Text()),
        sa.Column("device_code", sa.Text()),
        sa.Column("code_until", sa.Float(), nullable=False),
        sa.Column("poll_seconds", sa.Float(), nullable=False),
        sa.Column("access_token", sa.Text()),
        sa.Column("access_until", sa.Float()),
        sa.Column("refresh_token", sa.Text()),
        sa.Column("next_at", sa.Float()),
        sa.Column("fence", sa.Integer(), nullable=False),
    )
    op.create_index("ix_github_connections_due", "github_connections", ["next_at"])
    op.create_table(
        "deploy_tokens",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("pattern", sa.String(255), nullable=False),
        sa.Column("people", sa.Text(), nullable=False),
        sa.Column("user_name", sa.String(255), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
    )
    op.add_column(
        "binders", sa.Column("needs_right", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("binders", sa.Column("right_at", sa.Float(), nullable=True))
    op.add_column("binders", sa.Column("read_as", sa.String(32), nullable=True))
    op.add_column(
        "classes", sa.Column("needs_right", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    """Go back to the form before."""
    with op.batch_alter_table("classes") as table:
        table.drop_column("needs_right")
    with op.batch_alter_table("binders") as table:
        for column in ("read_as", "right_at", "needs_right"):
            table.drop_column(column)
    op.drop_table("deploy_tokens")
    op.drop_index("ix_github_connections_due", "github_connections")
    op.drop_table("github_connections")
