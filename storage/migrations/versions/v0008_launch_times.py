"""How long launches took, and what is expected of those under way."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_INDEXED = ("build", "repository", "kind")


def upgrade() -> None:
    """Go to this form."""
    op.create_table(
        "launch_times",
        sa.Column("binder_id", sa.String(32), primary_key=True),
        sa.Column("team_id", sa.String(32), nullable=False),
        sa.Column("owner", sa.String(32), nullable=False),
        sa.Column("is_private", sa.Boolean(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("repository", sa.String(64), nullable=False),
        sa.Column("build", sa.String(64), nullable=False),
        sa.Column("build_key", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("size", sa.String(64), nullable=False),
        sa.Column("how", sa.String(16), nullable=False),
        sa.Column("is_warm", sa.Boolean(), nullable=False),
        sa.Column("failed_in", sa.String(16), nullable=True),
        sa.Column("stages", sa.JSON(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=False),
    )
    op.create_index("ix_launch_times_ended", "launch_times", ["ended_at"])
    for column in _INDEXED:
        op.create_index(f"ix_launch_times_{column}", "launch_times", [column, "how", "ended_at"])
    op.add_column("binders", sa.Column("kind", sa.String(40), nullable=False, server_default=""))
    op.add_column("binders", sa.Column("has_image", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("binders", sa.Column("expected", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    """Go back to the form before."""
    op.drop_column("binders", "expected")
    op.drop_column("binders", "has_image")
    op.drop_column("binders", "kind")
    op.drop_table("launch_times")
