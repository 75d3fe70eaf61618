"""What there is of everything, counted by the database: six queries, however many rows there are.

Every function works inside the caller's transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from storage.binders import not_gone
from storage.engine import unix_now
from storage.lease_models import Lease
from storage.models import Binder, BuiltImage, OutboxMessage
from storage.outbox import OPEN


@dataclass(frozen=True, slots=True)
class Group:
    """Binders, or warm instances, of one status and size: how many, and what they cost per hour."""

    status: str
    size: str
    is_warm: bool
    count: int
    price_per_hour: float


@dataclass(frozen=True, slots=True)
class Census:
    """What there is at one moment.

    Attributes:
        groups: The binders and warm instances that are not gone.
        waiting: How many launches wait for a place in a quota.
        outbox: How many messages are owed to Slack.
        outbox_age: How old the oldest of them is, in seconds; 0 where nothing is owed.
        leases: How many leases are held: of binders, and of shared work.
        images: How many images there are, by their state.
        image_bytes: How much they take in the registry.
    """

    groups: Sequence[Group]
    waiting: int
    outbox: int
    outbox_age: float
    leases: Mapping[str, int]
    images: Mapping[str, int]
    image_bytes: int


def take(session: Session) -> Census:
    """Count everything."""
    # A card has one row for its whole life: what changed later does not say since when it is owed.
    first = case((OutboxMessage.version == 1, OutboxMessage.created_at))
    is_open = OutboxMessage.state.in_(OPEN)
    count, oldest = session.execute(select(func.count(), unix_now() - func.min(first)).where(is_open)).one()
    images = session.execute(
        select(BuiltImage.state, func.count(), func.coalesce(func.sum(BuiltImage.size_bytes), 0)).group_by(
            BuiltImage.state
        )
    ).all()
    return Census(
        groups=_groups(session),
        waiting=session.scalar(select(func.count()).where(not_gone(), Binder.waits_for.is_not(None))) or 0,
        outbox=int(count),
        outbox_age=max(float(oldest or 0.0), 0.0),
        leases={
            "binders": _count(session, not_gone(), Binder.lease_until > unix_now()),
            "work": _count(session, Lease.owner.is_not(None), Lease.until > unix_now()),
        },
        images={str(state): number for state, number, _ in images},
        image_bytes=sum(int(size) for _, _, size in images),
    )


def _groups(session: Session) -> Sequence[Group]:
    by = (Binder.status, Binder.size, Binder.is_warm)
    query = select(*by, func.count(), func.coalesce(func.sum(Binder.price_per_hour), 0.0))
    rows = session.execute(query.where(not_gone()).group_by(*by)).all()
    return [
        Group(str(status), size, is_warm, count, float(price)) for status, size, is_warm, count, price in rows
    ]


def _count(session: Session, *conditions: object) -> int:
    return session.scalar(select(func.count()).where(*conditions)) or 0  # type: ignore[arg-type] # SQL conditions
