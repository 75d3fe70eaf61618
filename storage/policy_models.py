"""What admins decide at run time: which repositories may be launched, and what one person may use.

All times are Unix seconds in UTC by the database's clock.
"""

from sqlalchemy import JSON, Boolean, Float, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from storage.models import Base


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
