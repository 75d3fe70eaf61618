"""What admins decide, the groups that the settings name, and launches that wait."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
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
    op.create_table(
        "approvals",
        sa.Column(
            "binder_id", sa.String(32), sa.ForeignKey("binders.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("asked_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.Column("decided_by", sa.String(32)),
        sa.Column("decided_at", sa.Float()),
        sa.Column("reason", sa.Text(), nullable=False),
    )
    op.create_index("ix_approvals_state", "approvals", ["state"])
    op.add_column("audiences", sa.Column("is_named", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("binders", sa.Column("vcpus", sa.Integer(), nullable=True))
    op.add_column("binders", sa.Column("waits_for", sa.String(16), nullable=True))
    op.add_column("binders", sa.Column("waits_since", sa.Float(), nullable=True))
    op.add_column("binders", sa.Column("queue", sa.JSON(), nullable=False, server_default="{}"))
    waiting = sa.text("waits_for IS NOT NULL")
    op.create_index(
        "ix_binders_waiting", "binders", ["waits_for"], sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_index("ix_binders_gone", "binders", ["gone_at"])


def downgrade() -> None:
    """Go back to the form before."""
    op.drop_table("approvals")
    op.drop_index("ix_binders_gone", "binders")
    op.drop_index("ix_binders_waiting", "binders")
    with op.batch_alter_table("binders") as table:
        for column in ("queue", "waits_since", "waits_for", "vcpus"):
            table.drop_column(column)
    with op.batch_alter_table("audiences") as table:
        table.drop_column("is_named")
    op.drop_table("person_limits")
    op.drop_table("repository_rules")
