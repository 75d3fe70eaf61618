"""Warm instances: rows without an owner, the launch that took one, and what an operator asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this form."""
    op.add_column("binders", sa.Column("is_warm", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("binders", sa.Column("instance_id", sa.String(32)))
    op.add_column("binders", sa.Column("ordered_at", sa.Float()))
    op.add_column(
        "binders", sa.Column("warm_failed", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_index(
        "ix_binders_warm",
        "binders",
        ["size"],
        sqlite_where=sa.text("is_warm = 1"),
        postgresql_where=sa.text("is_warm"),
    )
    op.create_index("ix_binders_instance", "binders", ["instance_id"], unique=True)
    op.create_table(
        "warm_requests",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("size", sa.String(64), nullable=False),
        sa.Column("left", sa.Integer(), nullable=False),
        sa.Column("until_at", sa.Float(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
    )


def downgrade() -> None:
    """Go back to the form before."""
    op.drop_table("warm_requests")
    op.drop_index("ix_binders_instance", "binders")
    op.drop_index("ix_binders_warm", "binders")
    for column in ("warm_failed", "ordered_at", "instance_id", "is_warm"):
        op.drop_column("binders", column)
