"""What somebody launched, also what is gone. Every function works inside the caller's transaction.

Only some columns are read: logs are long. The others cannot be read from what is returned.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, load_only

from storage.models import Binder

_COLUMNS = (
    *(Binder.id, Binder.name, Binder.provider, Binder.url, Binder.ref, Binder.path, Binder.interface),
    *(Binder.size, Binder.status, Binder.status_since, Binder.created_at, Binder.ready_at, Binder.ended_at),
    *(Binder.shelved_seconds, Binder.price_per_hour),
)


def since(session: Session, team_id: str, owner: str, at: float) -> Sequence[Binder]:
    """List what was not gone before a moment (Unix seconds, UTC), the newest first."""
    still_there = or_(Binder.gone_at.is_(None), Binder.gone_at >= at)
    return session.scalars(_of(team_id, owner).where(still_there)).all()


def in_period(session: Session, team_id: str, since: float, until: float) -> Sequence[Binder]:
    """List the binders of everybody that were ready before the end of a period, and not gone before it."""
    still_there = or_(Binder.gone_at.is_(None), Binder.gone_at >= since)
    query = select(Binder).where(Binder.team_id == team_id, Binder.ready_at < until, still_there)
    columns = (*_COLUMNS, Binder.owner, Binder.channel, Binder.thread_channel)
    return session.scalars(_plain(query, columns)).all()


def newest(session: Session, team_id: str, owner: str, *, limit: int) -> Sequence[Binder]:
    """List the last launches, the newest first."""
    return session.scalars(_of(team_id, owner).limit(limit)).all()


def _of(team_id: str, owner: str) -> Select[Binder]:
    query = select(Binder).where(Binder.team_id == team_id, Binder.owner == owner)
    return _plain(query, _COLUMNS)


def _plain(query: Select[Binder], columns: Sequence[Any]) -> Select[Binder]:
    return query.options(load_only(*columns, raiseload=True)).order_by(Binder.created_at.desc())
