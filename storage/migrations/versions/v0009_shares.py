"""With whom binders are shared, and who is in the channels and groups among them."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this form."""
    op.add_column("binders", sa.Column("collaborates", sa.Boolean(), nullable=True))
    op.create_table(
        "shares",
        sa.Column(
            "binder_id", sa.String(32), sa.ForeignKey("binders.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("subject", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("manages", sa.Boolean(), nullable=False),
        sa.Column("by", sa.String(32), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
    )
    op.create_index("ix_shares_subject", "shares", ["subject"])
    op.create_table(
        "audiences",
        sa.Column("subject", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("asked_at", sa.Float(), nullable=False),
    )
    op.create_table(
        "audience_members",
        sa.Column(
            "subject",
            sa.String(32),
            sa.ForeignKey("audiences.subject", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("member", sa.String(32), primary_key=True),
    )
    op.create_index("ix_audience_members_member", "audience_members", ["member"])


def downgrade() -> None:
    """Go back to the form before."""
    op.drop_table("audience_members")
    op.drop_table("audiences")
    op.drop_table("shares")
    op.drop_column("binders", "collaborates")
