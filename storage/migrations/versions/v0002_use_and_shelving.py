"""What a binder needs for its warnings, its extension, its shelving and its saved work."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _columns() -> list[sa.Column[object]]:
    """Make the new columns. Each has a value for old rows, so that SQLite need not copy the table.

    A copy would delete what refers to it: the outbox, by its cascade.
    """
    zero = sa.text("0")
    return [
        sa.Column("maximum_at", sa.Float(), nullable=False, server_default=zero),
        sa.Column("idle_seconds", sa.Integer(), nullable=True),
        sa.Column("budget", sa.Float(), nullable=True),
        sa.Column("price_per_hour", sa.Float(), nullable=False, server_default=zero),
        sa.Column("ended_for", sa.String(length=16), nullable=True),
        sa.Column("used_at", sa.Float(), nullable=True),
        sa.Column("awake_until", sa.Float(), nullable=False, server_default=zero),
        sa.Column("activity", sa.String(length=16), nullable=False, server_default=sa.text("'unknown'")),
        sa.Column("looked_at", sa.Float(), nullable=False, server_default=zero),
        sa.Column("changed_files", sa.Integer(), nullable=False, server_default=zero),
        sa.Column("counted_at", sa.Float(), nullable=False, server_default=zero),
        sa.Column("saved_at", sa.Float(), nullable=True),
        sa.Column("resumes", sa.Integer(), nullable=False, server_default=zero),
        sa.Column("remaining_seconds", sa.Integer(), nullable=True),
        sa.Column("shelved_seconds", sa.Float(), nullable=False, server_default=zero),
        sa.Column("kept_until", sa.Float(), nullable=False, server_default=zero),
        sa.Column("owner_zone", sa.String(length=64), nullable=True),
        sa.Column("replaced", sa.Integer(), nullable=False, server_default=zero),
    ]


def upgrade() -> None:
    """Go to this form."""
    for column in _columns():
        op.add_column("binders", column)
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("binder_id", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("deadline", sa.Float(), nullable=False),
        sa.Column("lead_seconds", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("told_at", sa.Float(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("outcome_by", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["binder_id"], ["binders.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("binder_id", "reason", "deadline", "lead_seconds"),
    )


def downgrade() -> None:
    """Go back to the form before."""
    op.drop_table("notices")
    for column in reversed(_columns()):
        op.drop_column("binders", column.name)
