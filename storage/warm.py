"""Warm instances: made before anybody asks, and given to one launch each.

Every function works inside the caller's transaction.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import CursorResult, and_, delete, func, select, update
from sqlalchemy.orm import Session

from storage.binders import not_gone
from storage.engine import unix_now
from storage.models import Binder
from storage.vocabulary import Ending, Status, Target
from storage.warm_models import WarmRequest

LEASE = "warm pool"
"""The lease of whoever fills and empties the pool."""

_UNMADE = (Status.REQUESTED, Status.DELETING)


@dataclass(frozen=True, slots=True)
class WarmFailures:
    """How often warm instances of a size failed lately, and when that was last; Unix seconds, UTC."""

    count: int
    last: float


def take(session: Session, size: str) -> Binder | None:
    """Take the oldest warm instance of a size out of the pool. Its row is deleted: nobody else can take it.

    Args:
        session: An open write transaction, in which the launch must note whose instance it has now.
        size: What it must have.

    Returns:
        The row as it was; None where no instance waits, or others are taking those that do.
    """
    waiting = and_(
        Binder.is_warm, Binder.size == size, Binder.status == Status.WAITING, Binder.target == Target.READY
    )
    oldest = select(Binder).where(waiting).order_by(Binder.created_at, Binder.id).limit(1)
    found = session.scalar(oldest.with_for_update(skip_locked=True))
    if found is None:
        return None
    session.expunge(found)
    _run(session, delete(Binder).where(Binder.id == found.id))
    _count_off(session, size)
    return found


def existing(session: Session) -> Sequence[Binder]:
    """List the warm instances that are not gone yet, the oldest first."""
    query = select(Binder).where(Binder.is_warm, Binder.status != Status.GONE)
    return session.scalars(query.order_by(Binder.created_at, Binder.id)).all()


def end(session: Session, binder_ids: Collection[str]) -> int:
    """Have warm instances torn down that no launch has taken meanwhile. Returns how many."""
    untaken = select(Binder.id).where(
        Binder.id.in_(binder_ids), Binder.is_warm, Binder.target == Target.READY
    )
    values = {
        "target": Target.GONE,
        "ending": Ending.STOPPED,
        "ended_at": unix_now(),
        "generation": Binder.generation + 1,
        "next_at": 0.0,
    }
    mine = Binder.id.in_(untaken.with_for_update(skip_locked=True))
    return _run(session, update(Binder).where(mine).values(**values))


def failures(session: Session, since: float) -> Mapping[str, WarmFailures]:
    """Which sizes failed since a time (Unix seconds, UTC): could not be made, or broke before they served."""
    broken = and_(Binder.is_warm, Binder.ending.in_([Ending.FAILED, Ending.LOST]), Binder.ended_at > since)
    query = select(Binder.size, func.count(), func.max(Binder.ended_at)).where(broken).group_by(Binder.size)
    return {size: WarmFailures(count, last or 0.0) for size, count, last in session.execute(query)}


def without_room(session: Session) -> Sequence[Binder]:
    """List the launches of people for which the cloud had no room so far, the oldest first."""
    query = select(Binder).where(_waits_for_room())
    return session.scalars(query.order_by(Binder.created_at, Binder.id)).all()


def count_unmade(session: Session) -> int:
    """Count the rows whose instance is not made yet, so that no quota shows it."""
    query = select(func.count()).where(not_gone(), Binder.status.in_(_UNMADE), Binder.target == Target.READY)
    return int(session.scalar(query) or 0)


def hurry(session: Session) -> None:
    """Make the launches due for which there was no room: there may be some now."""
    idle = select(Binder.id).where(_waits_for_room(), Binder.lease_until <= unix_now())
    mine = Binder.id.in_(idle.with_for_update(skip_locked=True))
    _run(session, update(Binder).where(mine).values(next_at=0.0))


def announce(session: Session, size: str, count: int, until: float) -> int:
    """Ask for so many more warm instances of a size, until a time (Unix seconds, UTC). Returns its number."""
    request = WarmRequest(size=size, left=count, until_at=until, created_at=unix_now())
    session.add(request)
    session.flush()
    return request.id


def take_back(session: Session, request_id: int) -> None:
    """Ask for these no longer."""
    _run(session, delete(WarmRequest).where(WarmRequest.id == request_id))


def announced(session: Session) -> Sequence[WarmRequest]:
    """List what was asked for and is not over, the oldest first."""
    return session.scalars(select(WarmRequest).where(_is_open()).order_by(WarmRequest.id)).all()


def forget_announced(session: Session) -> int:
    """Forget all that was asked for. Returns how many requests were open."""
    were_open = session.scalar(select(func.count()).where(_is_open()))
    _run(session, delete(WarmRequest))
    return int(were_open or 0)


def _is_open() -> Any:
    return and_(WarmRequest.until_at > unix_now(), WarmRequest.left > 0)


def _count_off(session: Session, size: str) -> None:
    """Take one off what was asked for, where anything was."""
    first = select(func.min(WarmRequest.id)).where(_is_open(), WarmRequest.size == size).scalar_subquery()
    # It may have reached 0 while this transaction waited for another one that took the same request.
    mine = and_(WarmRequest.id == first, WarmRequest.left > 0)
    _run(session, update(WarmRequest).where(mine).values(left=WarmRequest.left - 1))


def _waits_for_room() -> Any:
    return and_(
        not_gone(),
        Binder.status == Status.REQUESTED,
        Binder.target == Target.READY,
        Binder.waiting_for.is_not(None),
        Binder.is_warm.is_(False),
    )


def _run(session: Session, statement: Any) -> int:
    result = session.execute(statement.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", result).rowcount
