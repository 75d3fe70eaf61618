"""What admins set in Slack. All times are Unix seconds in UTC by the database's clock."""

from typing import Any

from sqlalchemy import JSON, Float, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.models import Base


class SiteSetting(Base):
    """A setting that an admin made in Slack. All replicas read it from here, so it is in effect at once."""

    __tablename__ = "site_settings"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[dict[str, Any]] = mapped_column(JSON)
    set_by: Mapped[str] = mapped_column(String(64))
    set_at: Mapped[float] = mapped_column(Float)
