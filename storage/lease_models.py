"""The tables by which replicas agree who does what, and what they have seen.

All times are Unix seconds in UTC by the database's clock.
"""

from sqlalchemy import Float, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.models import Base


class Lease(Base):
    """Work that one replica at a time does, such as sweeps."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    owner: Mapped[str | None] = mapped_column(String(64))
    until: Mapped[float] = mapped_column(Float, default=0.0)


class Sighting(Base):
    """Something in the cloud that belongs to no binder; deleted only if it was seen twice."""

    __tablename__ = "sightings"

    binder_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    first_seen: Mapped[float] = mapped_column(Float)


class SeenRequest(Base):
    """A signed request of Slack that was taken: by its signature, or by the id of its event."""

    __tablename__ = "seen_requests"

    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    at: Mapped[float] = mapped_column(Float, index=True)
