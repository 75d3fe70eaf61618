"""Who may see a binder: whether the channel in which it was launched is private."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_PRIVATE_LETTERS = ("D", "G", "U", "W")
"""With which the ids of direct messages, older private channels and people begin."""


def upgrade() -> None:
    """Go to this form. Of old rows, the channel's id is all that tells.

    It never tells that a channel is public, because those of private channels begin with C too since 2021.
    Such rows stay unknown, which counts as private, until their card is edited: then Slack is asked.
    """
    op.add_column("binders", sa.Column("is_private", sa.Boolean(), nullable=True))
    binders = sa.table(
        "binders", sa.column("is_private", sa.Boolean), sa.column("channel"), sa.column("thread_channel")
    )
    # A thread in a direct message means that the channel refused the bot, as private channels do.
    begins = (
        sa.func.substr(place, 1, 1).in_(_PRIVATE_LETTERS)
        for place in (binders.c.channel, sa.func.coalesce(binders.c.thread_channel, ""))
    )
    op.execute(binders.update().where(sa.or_(*begins)).values(is_private=sa.true()))


def downgrade() -> None:
    """Go back to the form before."""
    op.drop_column("binders", "is_private")
