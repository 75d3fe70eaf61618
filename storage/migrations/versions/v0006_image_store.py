"""The images in the registry, and those on their way there."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this form."""
    op.create_table(
        "images",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("repository", sa.String(255), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("image_id", sa.String(80), nullable=False),
        sa.Column("provider", sa.String(16), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("commit", sa.String(64), nullable=True),
        sa.Column("directory", sa.Text(), nullable=False),
        sa.Column("extra", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("binder_id", sa.String(32), nullable=False),
        sa.Column("is_private", sa.Boolean(), nullable=False),
        sa.Column("built_at", sa.Float(), nullable=False),
        sa.Column("used_at", sa.Float(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(80), nullable=False),
        sa.Column("layers", sa.JSON(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("right_until", sa.Float(), nullable=True),
        sa.Column("before", sa.String(80), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
    )
    op.create_index("ix_images_key", "images", ["repository", "key"])
    op.create_index("ix_images_due", "images", ["next_at"])


def downgrade() -> None:
    """Go back to the form before."""
    op.drop_table("images")
