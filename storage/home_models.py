"""The tables of Home tabs: who looks at theirs, and what changed on it since it was shown.

All times are Unix seconds in UTC by the database's clock.
"""

from enum import StrEnum

from sqlalchemy import Float, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.models import Base, words


class HomeTab(StrEnum):
    """Which part of their Home tab somebody looks at."""

    MINE = "mine"
    """Their own binders, and what is shared with them."""
    EVERYTHING = "everything"
    """All binders of the workspace; for admins."""


class Home(Base):
    """The Home tab of somebody who opened it lately."""

    __tablename__ = "homes"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    team_id: Mapped[str] = mapped_column(String(32))
    user: Mapped[str] = mapped_column("person", String(32))
    tab: Mapped[HomeTab] = mapped_column(words(HomeTab), default=HomeTab.MINE)
    page: Mapped[int] = mapped_column(Integer, default=0)
    """Of `EVERYTHING`; the first one is 0."""
    visited_at: Mapped[float] = mapped_column(Float)
    """When they last opened it, or pressed a button on it."""
    shown_at: Mapped[float] = mapped_column(Float, default=0.0)
    """When Slack last took it; 0 for never."""
    not_before: Mapped[float] = mapped_column(Float, default=0.0)
    """When it may be shown again."""
    lease_until: Mapped[float] = mapped_column(Float, default=0.0)
    fence: Mapped[int] = mapped_column(Integer, default=0)

    __table_args__ = (UniqueConstraint("team_id", "person"),)


class HomeChange(Base):
    """Something changed that a Home tab shows. The rows are only inserted and deleted, never updated.

    A mark in the row of the tab would be a lock that the changes of several binders take in different orders.
    There is no foreign key: whoever changes a binder must not fail because a tab is being forgotten.
    """

    __tablename__ = "home_changes"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    home_id: Mapped[int] = mapped_column(Integer, index=True)
