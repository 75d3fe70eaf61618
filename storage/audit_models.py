"""The audit: who did what, where, and what became of it.

The database itself refuses to change a row, and to delete one that retention may not delete yet: see the
triggers in `storage/migrations/versions/v0014_audit.py`.
"""

from typing import Any

from sqlalchemy import JSON, Float, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from storage.models import Base, words
from storage.vocabulary import Result


class Audit(Base):
    """One act of somebody."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at: Mapped[float] = mapped_column(Float)
    team_id: Mapped[str | None] = mapped_column(String(32))
    """The workspace; None for what an operator or the bot itself did beside any, and in old rows."""
    actor: Mapped[str] = mapped_column(String(64))
    """A Slack user's id, `operator` or `bot`."""
    event: Mapped[str] = mapped_column(String(64))
    binder_id: Mapped[str | None] = mapped_column(String(32), index=True)
    class_id: Mapped[str | None] = mapped_column(String(32))
    setting: Mapped[str | None] = mapped_column(String(64))
    """The setting that was changed in Slack."""
    way: Mapped[str] = mapped_column(String(16), default="", server_default="")
    """How it was asked for: `command`, `button`, …; empty where nobody asked, and in old rows."""
    channel: Mapped[str | None] = mapped_column(String(32))
    """Where it was asked for."""
    result: Mapped[Result] = mapped_column(words(Result), default=Result.DONE, server_default=Result.DONE)
    sentence: Mapped[str | None] = mapped_column(Text)
    """Why it was refused, or failed."""
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)

    __table_args__ = (Index("ix_audit_at", "at"), Index("ix_audit_actor", "actor", "id"))


class AuditHorizon(Base):
    """The one row that says which rows of the audit may be deleted: those from before."""

    __tablename__ = "audit_horizon"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    deletable_before: Mapped[float] = mapped_column(Float)
