"""Whose Home tab has to be shown again. Every function works inside the caller's transaction.

Only the tabs of people who opened theirs lately have a row. A change of a binder costs nothing more for
everybody else.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import CursorResult, Select, delete, insert, literal, select, union, update
from sqlalchemy.orm import Session

from storage.engine import insert_into, unix_now
from storage.errors import LostLease
from storage.home_models import Home, HomeChange, HomeTab
from storage.models import Binder
from storage.share_models import AudienceMember, Share

FRESH_SECONDS = 60.0
"""A tab that was shown so lately, and has not changed since, is not shown again when it is opened."""
PAUSE_SECONDS = 1.0
"""Between two times that a tab is shown because something changed."""
_PLAIN = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class OwedHome:
    """A Home tab that has to be shown, and the changes that this will have told of."""

    home: Home
    changes: Sequence[int]


def visit(session: Session, team_id: str, user: str) -> None:
    """Note that somebody opened their Home tab: it is shown, unless what they see is new enough."""
    home = _visited(session, team_id, user)
    is_fresh = Home.shown_at > unix_now() - FRESH_SECONDS
    if not session.scalar(select(is_fresh).where(Home.id == home)):
        _insert(session, select(literal(home)))


def press(session: Session, team_id: str, user: str) -> None:
    """Note that somebody pressed a button on their Home tab; it is shown in any case."""
    home = _visited(session, team_id, user)
    _insert(session, select(literal(home)))


def turn_to(session: Session, team_id: str, user: str, tab: HomeTab, page: int = 0) -> None:
    """Note that somebody wants to see a part of their Home tab; it is shown in any case."""
    home = _visited(session, team_id, user, tab=tab, page=page)
    _insert(session, select(literal(home)))


def _visited(session: Session, team_id: str, user: str, **values: Any) -> int:
    seen = {"visited_at": unix_now(), "not_before": 0.0, **values}
    row = insert_into(session, Home).values(team_id=team_id, user=user, **seen)
    known = row.on_conflict_do_update(index_elements=["team_id", "person"], set_=seen)
    return int(session.execute(known.returning(Home.id), execution_options=_PLAIN).scalar_one())


def binder_changed(session: Session, binder_id: str) -> None:
    """Note that a binder changed, or with whom it is shared: for all who have it on their Home tab."""
    _insert(session, _homes_with(binder_id))


def people_changed(session: Session, users: Collection[str]) -> None:
    """Note that other binders than before are shared with these people."""
    if users:
        _insert(session, select(Home.id).where(Home.user.in_(users)))


def _homes_with(binder_id: str) -> Any:
    home = select(Home.id).join(Binder, Binder.team_id == Home.team_id).where(Binder.id == binder_id)
    members = home.join(AudienceMember, AudienceMember.user == Home.user)
    return union(
        home.where(Home.user == Binder.owner),
        home.where(Home.tab == HomeTab.EVERYTHING),
        home.join(Share, Share.subject == Home.user).where(Share.binder_id == binder_id),
        members.join(Share, Share.subject == AudienceMember.subject).where(Share.binder_id == binder_id),
    )


def _insert(session: Session, homes: Any) -> None:
    session.execute(insert(HomeChange).from_select(["home_id"], homes, include_defaults=False))


def is_due(session: Session) -> bool:
    """Whether there is one to show; this needs no write transaction."""
    return session.scalar(_due().limit(1)) is not None


def claim(session: Session, *, lease_seconds: float) -> OwedHome | None:
    """Lease the tab that was not shown for the longest time; those that never were come first."""
    due = _due().order_by(Home.shown_at, Home.id).limit(1).with_for_update(skip_locked=True).cte("due")
    claimed = update(Home).where(Home.id.in_(select(due.c.id)))
    leased = claimed.values(lease_until=unix_now() + lease_seconds, fence=Home.fence + 1).returning(Home)
    home = session.scalar(leased, execution_options=_PLAIN)
    if home is None:
        return None
    changes = session.scalars(select(HomeChange.id).where(HomeChange.home_id == home.id)).all()
    session.expunge_all()
    return OwedHome(home, changes)


def _due() -> Select[int]:
    changed = Home.id.in_(select(HomeChange.home_id))
    return select(Home.id).where(changed, Home.not_before <= unix_now(), Home.lease_until <= unix_now())


def shown(session: Session, owed: OwedHome) -> None:
    """Note that Slack took it. What changed meanwhile is shown a moment later.

    Raises:
        LostLease: Somebody else took it over since, and may have shown a newer one before this one.
    """
    session.execute(delete(HomeChange).where(HomeChange.id.in_(owed.changes)), execution_options=_PLAIN)
    _update(session, owed, shown_at=unix_now(), not_before=unix_now() + PAUSE_SECONDS)


def postpone(session: Session, owed: OwedHome, seconds: float) -> None:
    """Owe it again later.

    Raises:
        LostLease: Somebody else took it over since.
    """
    _update(session, owed, not_before=unix_now() + seconds)


def show_again(session: Session, owed: OwedHome) -> None:
    """Owe it once more: an older one may have come after a newer one."""
    _insert(session, select(Home.id).where(Home.id == owed.home.id))


def drop(session: Session, owed: OwedHome) -> None:
    """Forget a tab that Slack does not take. It comes back when it is opened again."""
    session.execute(delete(Home).where(Home.id == owed.home.id), execution_options=_PLAIN)


def release_all(session: Session) -> None:
    """End all leases. Only where one process works: at its start, whoever held them is dead."""
    session.execute(update(Home).values(lease_until=0.0), execution_options=_PLAIN)


def forget(session: Session, *, older_than: float) -> None:
    """Forget the tabs that nobody opened for so many seconds, and what changed on tabs that are forgotten."""
    unvisited = Home.visited_at < unix_now() - older_than
    session.execute(delete(Home).where(unvisited), execution_options=_PLAIN)
    orphaned = HomeChange.home_id.not_in(select(Home.id))
    session.execute(delete(HomeChange).where(orphaned), execution_options=_PLAIN)


def _update(session: Session, owed: OwedHome, **values: Any) -> None:
    mine = update(Home).where(Home.id == owed.home.id, Home.fence == owed.home.fence)
    result = session.execute(mine.values(lease_until=0.0, **values), execution_options=_PLAIN)
    if not cast("CursorResult[Any]", result).rowcount:
        raise LostLease(f"The Home tab {owed.home.id} was taken over meanwhile.")
