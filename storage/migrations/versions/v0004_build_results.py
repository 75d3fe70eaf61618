"""What came of a build: notes for the owner, and the name of its failure; and how to build without conda."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this form."""
    op.add_column("binders", sa.Column("notes", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("binders", sa.Column("failure_code", sa.String(40), nullable=True))
    op.add_column(
        "binders", sa.Column("without_conda", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    """Go back to the form before."""
    op.drop_column("binders", "without_conda")
    op.drop_column("binders", "failure_code")
    op.drop_column("binders", "notes")
