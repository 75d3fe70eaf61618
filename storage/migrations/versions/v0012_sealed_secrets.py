"""Room for encrypted secrets. What is plain stays so until `binder-bot rekey`, or until its row ends."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_COLUMNS = ("token", "secret")


def upgrade() -> None:
    """Go to this form."""
    if op.get_bind().dialect.name == "postgresql":  # SQLite does not look at the length
        for column in _COLUMNS:
            op.alter_column("binders", column, type_=sa.Text(), existing_type=sa.String(64))


def downgrade() -> None:
    """Go back to the form before. It is refused while there are encrypted secrets, which are too long."""
    if op.get_bind().dialect.name == "postgresql":
        for column in _COLUMNS:
            op.alter_column("binders", column, type_=sa.String(64), existing_type=sa.Text())
