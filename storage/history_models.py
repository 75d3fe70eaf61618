"""The table of launches that became ready or failed, and what is read of it. Imports only the other tables.

All times are Unix seconds in UTC by the database's clock; all durations are seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, Float, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from storage.models import Base


class LaunchTime(Base):
    """How long one launch took until it was ready, or failed. It outlives the row of its binder."""

    __tablename__ = "launch_times"

    binder_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    team_id: Mapped[str] = mapped_column(String(32))
    owner: Mapped[str] = mapped_column(String(32))
    is_private: Mapped[bool | None] = mapped_column()
    """As of its binder: None counts as private."""
    source: Mapped[str] = mapped_column(Text)
    """The canonical URL of its repository."""
    repository: Mapped[str] = mapped_column(String(64))
    """A digest of the workspace and the repository, to find its launches by."""
    build: Mapped[str] = mapped_column(String(64))
    """A digest of the repository, the commit and what is added: all that is known before it is built."""
    build_key: Mapped[str] = mapped_column(String(64), default="")
    """The key of its image, as its instance reported it; empty where it reported none."""
    kind: Mapped[str] = mapped_column(String(40), default="")
    """What it was built with, such as `R`; empty where that is not known."""
    size: Mapped[str] = mapped_column(String(64))
    how: Mapped[str] = mapped_column(String(16), default="")
    """How it got its image: `built`, `pulled` or `kept`; empty where it failed."""
    is_warm: Mapped[bool] = mapped_column(default=False)
    """Whether it got an instance of the warm pool, which had booted before."""
    failed_in: Mapped[str | None] = mapped_column(String(16))
    """The stage in which it failed; None where it became ready."""
    stages: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The seconds that each stage took."""
    seconds: Mapped[float] = mapped_column(Float)
    """From the request to the end, without the wait for free capacity."""
    ended_at: Mapped[float] = mapped_column(Float)
    """When it became ready, or failed."""

    __table_args__ = (
        Index("ix_launch_times_ended", "ended_at"),
        Index("ix_launch_times_build", "build", "how", "ended_at"),
        Index("ix_launch_times_repository", "repository", "how", "ended_at"),
        Index("ix_launch_times_kind", "kind", "how", "ended_at"),
    )


@dataclass(frozen=True, slots=True)
class PastLaunch:
    """One launch that became ready.

    Attributes:
        how: How it got its image: `built`, `pulled` or `kept`.
        seconds: From the request to the links.
        stages: The seconds of each stage.
    """

    how: str
    seconds: float
    stages: Mapping[str, float]
