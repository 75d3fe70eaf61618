"""How long launches took. Every function works inside the caller's transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, delete, literal, or_, select, union_all
from sqlalchemy.orm import Session

from storage.engine import unix_now
from storage.history_models import LaunchTime, PastLaunch
from storage.models import Binder

MOST_SEARCHES = 400
"""How many searches one statement may hold: SQLite takes 500 parts."""


@dataclass(frozen=True, slots=True)
class Search:
    """Which launches are looked for.

    Attributes:
        column: By what they are found: `build`, `repository` or `kind`.
        value: What has to stand there.
        ways: The `how` that count.
        is_warm: Whether launches with a warm instance count, or those with one of their own.
        private_of: Whose private launches count beside all public ones: a person's, nobody's (an empty
            string), or everybody's (None).
    """

    column: str
    value: str
    ways: tuple[str, ...]
    is_warm: bool
    private_of: str | None


def add(session: Session, launch: LaunchTime) -> None:
    """Write down how long a launch took. Who may know of it is taken from the row of its binder."""
    query = select(Binder.is_private).where(Binder.id == launch.binder_id)
    launch.is_private = session.scalar(query)
    session.merge(launch)


def newest(
    session: Session, searches: Collection[Search], *, limit: int
) -> Mapping[Search, Sequence[PastLaunch]]:
    """Carry out all searches in one statement; each finds the newest launches that became ready.

    Args:
        session: An open transaction.
        searches: At most `MOST_SEARCHES`.
        limit: How many launches one search finds at most.
    """
    wanted = list(dict.fromkeys(searches))
    found: dict[Search, list[PastLaunch]] = {each: [] for each in wanted}
    if wanted:
        parts = [_part(number, each, limit) for number, each in enumerate(wanted)]
        rows = session.execute(union_all(*parts)).all()
        for row in sorted(rows, key=lambda row: -row.ended_at):
            found[wanted[row.number]].append(PastLaunch(row.how, row.seconds, row.stages))
    return found


def _part(number: int, search: Search, limit: int) -> Any:
    conditions: list[ColumnElement[bool]] = [
        getattr(LaunchTime, search.column) == search.value,
        LaunchTime.how.in_(search.ways),
        LaunchTime.is_warm.is_(search.is_warm),
        LaunchTime.failed_in.is_(None),
    ]
    if search.private_of is not None:
        conditions.append(or_(LaunchTime.is_private.is_(False), LaunchTime.owner == search.private_of))
    columns = (LaunchTime.how, LaunchTime.seconds, LaunchTime.stages, LaunchTime.ended_at)
    query = select(literal(number).label("number"), *columns).where(*conditions)
    # As a query of its own: SQLite knows no limit for one part of a union.
    return select(query.order_by(LaunchTime.ended_at.desc()).limit(limit).subquery())


def since(session: Session, seconds: float) -> Sequence[LaunchTime]:
    """List the launches that became ready or failed within the last `seconds`, the oldest first."""
    query = select(LaunchTime).where(LaunchTime.ended_at >= unix_now() - seconds)
    return session.scalars(query.order_by(LaunchTime.ended_at)).all()


def forget(session: Session, *, older_than: float) -> int:
    """Delete what ended more than `older_than` seconds ago. Returns how many rows went."""
    statement = delete(LaunchTime).where(LaunchTime.ended_at < unix_now() - older_than)
    result = session.execute(statement.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", result).rowcount
