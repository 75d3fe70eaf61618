"""Which image a binder runs, whether it is built anew, and a secret to seal what its instance is told."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this form."""
    op.add_column("binders", sa.Column("rebuild", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("binders", sa.Column("secret", sa.String(64), nullable=False, server_default=""))
    op.add_column("binders", sa.Column("image", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    """Go back to the form before."""
    op.drop_column("binders", "image")
    op.drop_column("binders", "secret")
    op.drop_column("binders", "rebuild")
