"""The table of what operators and classes ask of the warm pool.

All times are Unix seconds in UTC by the database's clock.
"""

from sqlalchemy import Float, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.models import Base


class WarmRequest(Base):
    """Warm instances that an operator asked for until a certain time, beside those of `WARM_POOL`."""

    __tablename__ = "warm_requests"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    size: Mapped[str] = mapped_column(String(64))
    left: Mapped[int] = mapped_column(Integer)
    """How many are still to be given to launches; each that is taken makes it one less."""
    until_at: Mapped[float] = mapped_column(Float)
    created_at: Mapped[float] = mapped_column(Float)
