"""All binders of a workspace at one look. Every function works inside the caller's transaction."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, defer

from storage.binders import not_gone
from storage.models import Binder


def totals(session: Session, team_id: str) -> tuple[int, float]:
    """How many binders are not gone yet, and what all of them cost per hour."""
    counted = select(func.count(), func.coalesce(func.sum(Binder.price_per_hour), 0.0))
    count, price = session.execute(counted.where(Binder.team_id == team_id, not_gone())).one()
    return int(count), float(price)


def page(session: Session, team_id: str, number: int, *, size: int) -> Sequence[Binder]:
    """One page of the binders that are not gone yet, without their logs; the newest first.

    Args:
        session: An open transaction.
        team_id: The workspace.
        number: Which page; the first one is 0.
        size: How many are on one page.
    """
    query = select(Binder).where(Binder.team_id == team_id, not_gone())
    ordered = query.order_by(Binder.created_at.desc(), Binder.id).limit(size).offset(number * size)
    return session.scalars(ordered.options(defer(Binder.log, raiseload=True))).all()
