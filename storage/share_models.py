"""The tables of sharing: with whom a binder is shared, and who they are.

Slack knows who is in a channel or a group. What it told is kept here, so that no request has to ask it.
"""

from enum import StrEnum

from sqlalchemy import Boolean, Float, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.models import Base, words


class ShareKind(StrEnum):
    """With what a binder is shared."""

    USER = "user"
    CHANNEL = "channel"
    """Everybody who is in it."""
    GROUP = "group"
    """Everybody in a user group (`@team`)."""


class Share(Base):
    """A person, channel or group with whom a binder is shared."""

    __tablename__ = "shares"

    binder_id: Mapped[str] = mapped_column(ForeignKey("binders.id", ondelete="CASCADE"), primary_key=True)
    subject: Mapped[str] = mapped_column(String(32), primary_key=True, index=True)
    """Slack's id of the person, channel or group: each kind has its own letters."""
    kind: Mapped[ShareKind] = mapped_column(words(ShareKind))
    manages: Mapped[bool] = mapped_column(Boolean, default=False)
    """Whether they may also extend, save, shelve, resume and stop it."""
    by: Mapped[str] = mapped_column(String(32))
    at: Mapped[float] = mapped_column(Float)


class Audience(Base):
    """A channel or group whose members have to be known, because something is shared with it."""

    __tablename__ = "audiences"

    subject: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[ShareKind] = mapped_column(words(ShareKind))
    asked_at: Mapped[float] = mapped_column(Float, default=0.0)
    """When Slack was last asked; 0 where it has to be asked at once."""
    is_named: Mapped[bool] = mapped_column(Boolean, default=False)
    """Whether the settings name it: then its members are always known."""


class AudienceMember(Base):
    """Somebody in a channel or group, as Slack told it last."""

    __tablename__ = "audience_members"

    subject: Mapped[str] = mapped_column(
        ForeignKey("audiences.subject", ondelete="CASCADE"), primary_key=True
    )
    user: Mapped[str] = mapped_column("member", String(32), primary_key=True, index=True)
