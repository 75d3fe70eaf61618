"""Warnings that binders will end: each once, however often it is found due. Within the caller's transaction.

Who changes a binder too writes it first: see `storage.outbox`.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import and_, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session

from storage import outbox
from storage.engine import insert_into, unix_now
from storage.models import Notice
from storage.vocabulary import MessageKind, Outcome, Reason

_UNIQUE = ["binder_id", "reason", "deadline", "lead_seconds"]


def of(session: Session, binder_ids: Collection[str]) -> dict[str, list[Notice]]:
    """All notices of these binders, the oldest first; none for those that have none."""
    if not binder_ids:
        return {}
    found = defaultdict(list)
    query = select(Notice).where(Notice.binder_id.in_(binder_ids)).order_by(Notice.id)
    for each in session.scalars(query):
        found[each.binder_id].append(each)
    return dict(found)


def get(session: Session, notice_id: int) -> Notice | None:
    """Find one notice."""
    return session.get(Notice, notice_id)


def warn(session: Session, binder_id: str, reason: Reason, deadline: float, lead: int) -> bool:
    """Owe the thread a notice, unless that of this deadline and lead was owed before.

    One that was over before anybody was told is owed anew: it turned out that the binder does not end yet.

    Args:
        session: An open write transaction.
        binder_id: Which binder ends.
        reason: Why.
        deadline: When, in Unix seconds UTC.
        lead: How many seconds before, the notice was due.

    Returns:
        Whether it is new.
    """
    insert = _insertion(session, binder_id, reason, deadline, lead)
    reopened = insert.on_conflict_do_update(
        index_elements=_UNIQUE,
        set_={"outcome": None, "outcome_by": None},
        where=and_(Notice.outcome == Outcome.OVER, Notice.told_at.is_(None)),
    )
    notice_id = session.scalar(reopened.returning(Notice.id))
    if notice_id is None:
        return False
    outbox.touch(session, MessageKind.NOTICE, _key(notice_id), binder_id, notice=notice_id)
    return True


def pass_over(
    session: Session, binder_id: str, reason: Reason, deadline: float, lead: int, *, by: str
) -> None:
    """Leave a notice out: who moved the deadline a moment ago knows of it. Counts as no warning."""
    insert = _insertion(session, binder_id, reason, deadline, lead, outcome=Outcome.KEPT, outcome_by=by)
    session.execute(insert.on_conflict_do_nothing(index_elements=_UNIQUE))


def mark_told(session: Session, notice_id: int) -> None:
    """Note that Slack took a notice, or refused it for good; the first time counts."""
    untold = update(Notice).where(Notice.id == notice_id, Notice.told_at.is_(None))
    session.execute(untold.values(told_at=unix_now()).execution_options(synchronize_session=False))


def settle(
    session: Session,
    binder_id: str,
    outcome: Outcome,
    by: str | None = None,
    *,
    only: Collection[int] | None = None,
) -> int:
    """Write what became of a binder's open notices, and owe their messages again, so that they are edited.

    Args:
        session: An open write transaction.
        binder_id: Whose notices.
        outcome: What became of them.
        by: Who did it, where somebody did.
        only: The ids of those that are meant; None for all that are open.

    Returns:
        How many there were.
    """
    meant = [Notice.binder_id == binder_id, Notice.outcome.is_(None)]
    if only is not None:
        meant.append(Notice.id.in_(only))
    settled = update(Notice).where(*meant).values(outcome=outcome, outcome_by=by).returning(Notice.id)
    rows = session.scalars(settled.execution_options(synchronize_session=False)).all()
    for notice_id in sorted(rows):
        outbox.touch(session, MessageKind.NOTICE, _key(notice_id), binder_id, notice=notice_id)
    return len(rows)


def _insertion(
    session: Session, binder_id: str, reason: Reason, deadline: float, lead: int, **values: Any
) -> sqlite.Insert:
    return insert_into(session, Notice).values(
        binder_id=binder_id,
        reason=reason,
        deadline=deadline,
        lead_seconds=lead,
        created_at=unix_now(),
        **values,
    )


def _key(notice_id: int) -> str:
    return f"notice:{notice_id}"
