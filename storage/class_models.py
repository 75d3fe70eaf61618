"""The tables of classes: one repository for many people, a binder of their own for each.

All times are Unix seconds in UTC by the database's clock; None where something has not happened.
"""

from enum import StrEnum

from sqlalchemy import JSON, Boolean, Float, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.models import NAME_LENGTH, Base, words
from storage.share_models import ShareKind

DRAINED = "drained:"
"""Begins the word to a teacher whose seats wait because nothing new is launched; then follows since when."""


class ClassPhase(StrEnum):
    """How far a class is."""

    PLANNED = "planned"
    """It begins later: nothing is made yet."""
    FIRST = "first"
    """Its first seat is on its way; the others wait for what it finds out, or builds."""
    OPEN = "open"
    """All its seats are made."""
    ENDING = "ending"
    """Its time is over: nothing is made any more, and what there is ends."""
    OVER = "over"


class SchoolClass(Base):
    """One class: what it works with, how many seats it has, and how far it is."""

    __tablename__ = "classes"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    request_key: Mapped[str] = mapped_column(String(255), unique=True)
    """Slack's id of the request that made it: a repeated delivery finds the row instead of making another."""

    # Who asked, and where everybody reads of it
    enterprise_id: Mapped[str | None] = mapped_column(String(32))
    team_id: Mapped[str] = mapped_column(String(32), index=True)
    teacher: Mapped[str] = mapped_column(String(32))
    channel: Mapped[str] = mapped_column(String(32))
    is_private: Mapped[bool | None] = mapped_column(Boolean)
    """Whether only some people can read that channel. None: not known, which counts as private."""
    message_channel: Mapped[str | None] = mapped_column(String(32))
    """Where its message really is (a direct message where the channel refuses it)."""
    message_ts: Mapped[str | None] = mapped_column(String(32))

    # What each seat is
    provider: Mapped[str] = mapped_column(String(16))
    url: Mapped[str] = mapped_column(Text)
    ref: Mapped[str | None] = mapped_column(String(255))
    path: Mapped[str | None] = mapped_column(Text)
    interface: Mapped[str | None] = mapped_column(Text)
    size: Mapped[str] = mapped_column(String(64))
    commit: Mapped[str | None] = mapped_column(String(64))
    """What its first seat found; all others get the same."""
    is_tip: Mapped[bool] = mapped_column(Boolean, default=False)
    resolved_at: Mapped[float | None] = mapped_column(Float)
    needs_right: Mapped[bool] = mapped_column(Boolean, default=False)
    """Whether its repository can be read only with a right: that of its teacher."""
    budget: Mapped[float | None] = mapped_column(Float)
    """What one seat may cost, in the site's unit; None for any price."""
    price_per_hour: Mapped[float] = mapped_column(Float, default=0.0)

    # How many, and when
    seats: Mapped[int] = mapped_column(Integer)
    """How many people can get one, at most."""
    begins_at: Mapped[float] = mapped_column(Float)
    """When people come. Seats are made before."""
    ends_at: Mapped[float] = mapped_column(Float)
    maximum_at: Mapped[float] = mapped_column(Float)
    """The latest possible end, which nobody can move."""

    # How far it is
    phase: Mapped[ClassPhase] = mapped_column(words(ClassPhase), default=ClassPhase.PLANNED)
    created_at: Mapped[float] = mapped_column(Float)
    ended_at: Mapped[float | None] = mapped_column(Float)
    """When it began to end."""
    ended_by: Mapped[str | None] = mapped_column(String(32))
    """Who ended it before its time."""
    failure: Mapped[str | None] = mapped_column(Text)
    """Why its first seat could not be made: one sentence."""
    hint: Mapped[str | None] = mapped_column(Text)
    paced_at: Mapped[float] = mapped_column(Float, default=0.0)
    """No further seat is launched before."""
    warm_request: Mapped[int | None] = mapped_column(Integer)
    """What it asked of the warm pool for its seats: see `storage.warm_models.WarmRequest`."""
    shown: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    """The numbers that its message shows: see `storage.seats.SeatCounts`."""

    def __repr__(self) -> str:
        """Name it."""
        return f"<SchoolClass {self.id} {self.phase}>"


class Seat(Base):
    """A place in a class: whose it is, and which binder. Nobody has two in one class."""

    __tablename__ = "class_seats"

    class_id: Mapped[str] = mapped_column(ForeignKey("classes.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    user: Mapped[str | None] = mapped_column("member", String(32))
    """Whose it is; None where nobody has it yet."""
    binder_id: Mapped[str | None] = mapped_column(String(32))
    """None where it is still to be launched."""
    launches: Mapped[int] = mapped_column(Integer, default=0)
    """How often a binder was launched for it."""

    __table_args__ = (UniqueConstraint("class_id", "member"),)


class ClassAudience(Base):
    """A person, channel or group for whom a class is. Without any, it is for all who see its message."""

    __tablename__ = "class_audiences"

    class_id: Mapped[str] = mapped_column(ForeignKey("classes.id", ondelete="CASCADE"), primary_key=True)
    subject: Mapped[str] = mapped_column(String(32), primary_key=True, index=True)
    kind: Mapped[ShareKind] = mapped_column(words(ShareKind))
