"""What each channel is told once a week. Every function works inside the caller's transaction."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, not_, or_, select
from sqlalchemy.orm import Session

from storage import outbox
from storage.models import Binder, MessageKind


def owe(session: Session, week: str) -> int:
    """Owe a digest to each channel that has a live binder, once a week. Direct messages get none.

    Args:
        session: An open write transaction.
        week: Names the week; the same name owes nothing twice.

    Returns:
        How many channels there are.
    """
    query = select(Binder.team_id, _channel()).where(Binder.is_live, not_(Binder.is_warm), not_(_is_direct()))
    rows = session.execute(query.distinct()).all()
    for team_id, channel in rows:
        key = f"{MessageKind.DIGEST}:{team_id}:{channel}:{week}"
        outbox.say(session, MessageKind.DIGEST, key, None, team=team_id, channel=channel)
    return len(rows)


def live(session: Session, team_id: str, channel: str) -> Sequence[Binder]:
    """List the live binders of a channel, the oldest first."""
    query = select(Binder).where(Binder.team_id == team_id, _channel() == channel, Binder.is_live)
    return session.scalars(query.order_by(Binder.created_at)).all()


def _channel() -> Any:
    return func.coalesce(Binder.thread_channel, Binder.channel)


def _is_direct() -> Any:
    return or_(*(_channel().startswith(letter) for letter in ("D", "U", "W")))
