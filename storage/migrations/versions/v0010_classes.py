"""Classes: one repository for many people, a binder of their own for each."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this form."""
    op.add_column("binders", sa.Column("class_id", sa.String(32), nullable=True))
    op.create_index("ix_binders_class", "binders", ["class_id"])
    op.create_table(
        "classes",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("request_key", sa.String(255), nullable=False, unique=True),
        sa.Column("enterprise_id", sa.String(32)),
        sa.Column("team_id", sa.String(32), nullable=False),
        sa.Column("teacher", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("is_private", sa.Boolean()),
        sa.Column("message_channel", sa.String(32)),
        sa.Column("message_ts", sa.String(32)),
        sa.Column("provider", sa.String(16), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("ref", sa.String(255)),
        sa.Column("path", sa.Text()),
        sa.Column("interface", sa.Text()),
        sa.Column("size", sa.String(64), nullable=False),
        sa.Column("commit", sa.String(64)),
        sa.Column("is_tip", sa.Boolean(), nullable=False),
        sa.Column("resolved_at", sa.Float()),
        sa.Column("budget", sa.Float()),
        sa.Column("price_per_hour", sa.Float(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("begins_at", sa.Float(), nullable=False),
        sa.Column("ends_at", sa.Float(), nullable=False),
        sa.Column("maximum_at", sa.Float(), nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float()),
        sa.Column("ended_by", sa.String(32)),
        sa.Column("failure", sa.Text()),
        sa.Column("hint", sa.Text()),
        sa.Column("paced_at", sa.Float(), nullable=False),
        sa.Column("warm_request", sa.Integer()),
        sa.Column("shown", sa.JSON(), nullable=False),
    )
    op.create_index("ix_classes_team_id", "classes", ["team_id"])
    op.create_table(
        "class_seats",
        _class_id(),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("member", sa.String(32)),
        sa.Column("binder_id", sa.String(32)),
        sa.Column("launches", sa.Integer(), nullable=False),
        sa.UniqueConstraint("class_id", "member"),
    )
    op.create_table(
        "class_audiences",
        _class_id(),
        sa.Column("subject", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
    )
    op.create_index("ix_class_audiences_subject", "class_audiences", ["subject"])


def _class_id() -> sa.Column[str]:
    return sa.Column(
        "class_id", sa.String(32), sa.ForeignKey("classes.id", ondelete="CASCADE"), primary_key=True
    )


def downgrade() -> None:
    """Go back to the form before."""
    for table in ("class_audiences", "class_seats", "classes"):
        op.drop_table(table)
    op.drop_index("ix_binders_class", "binders")
    op.drop_column("binders", "class_id")
