"""What admins decide at run time: of repositories, of what one person may use, and of single launches.

All times are Unix seconds in UTC by the database's clock.
"""

from enum import StrEnum

from sqlalchemy import JSON, Boolean, Float, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from storage.models import Base, words


class RepositoryRule(Base):
    """A pattern of repositories that an admin banned or allowed."""

    __tablename__ = "repository_rules"

    pattern: Mapped[str] = mapped_column(String(255), primary_key=True)
    """As `bot.policy.repositories.read_pattern` writes it: `github.com/owner/*`."""
    is_allowed: Mapped[bool] = mapped_column(Boolean)
    by: Mapped[str] = mapped_column("set_by", String(32))
    """Slack's id of the admin."""
    at: Mapped[float] = mapped_column("set_at", Float)
    reason: Mapped[str] = mapped_column(Text, default="")


class PersonLimits(Base):
    """What one person may use instead of what the site's quota for a person says."""

    __tablename__ = "person_limits"

    team_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    user: Mapped[str] = mapped_column("person", String(32), primary_key=True)
    limits: Mapped[dict[str, float]] = mapped_column(JSON, default=dict)
    """By the names of `bot.policy.quotas`; what is not named is as for everybody."""
    by: Mapped[str] = mapped_column("set_by", String(32))
    at: Mapped[float] = mapped_column("set_at", Float)


class ApprovalState(StrEnum):
    """What became of the question whether a launch may begin."""

    ASKED = "asked"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    """Nobody decided in time."""
    WITHDRAWN = "withdrawn"
    """The launch was cancelled."""


class Approval(Base):
    """A launch about which an admin decides before it begins."""

    __tablename__ = "approvals"

    binder_id: Mapped[str] = mapped_column(ForeignKey("binders.id", ondelete="CASCADE"), primary_key=True)
    state: Mapped[ApprovalState] = mapped_column(
        words(ApprovalState), default=ApprovalState.ASKED, index=True
    )
    asked_at: Mapped[float] = mapped_column(Float)
    expires_at: Mapped[float] = mapped_column(Float)
    decided_by: Mapped[str | None] = mapped_column(String(32))
    decided_at: Mapped[float | None] = mapped_column(Float)
    reason: Mapped[str] = mapped_column(Text, default="")
    """Why it was denied, in the admin's words."""
