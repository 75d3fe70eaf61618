"""Launches that an admin has to approve. Within the caller's transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from storage import audit, outbox, queue
from storage.engine import unix_now
from storage.models import Binder
from storage.policy_models import Approval, ApprovalState
from storage.vocabulary import MessageKind, Target, WaitsFor

_EVENTS: Mapping[ApprovalState, str] = {ApprovalState.APPROVED: "approve", ApprovalState.DENIED: "deny"}
"""The words of the audit."""
_PLAIN = {"synchronize_session": False}


def ask(session: Session, binder: Binder, *, seconds: float) -> None:
    """Ask for the approval of a new launch that waits for it, for so many seconds at most."""
    now = float(session.scalar(select(unix_now())) or 0.0)
    session.add(Approval(binder_id=binder.id, asked_at=now, expires_at=now + seconds))
    binder.queue = {"until": now + seconds}
    session.flush()
    _show(session, binder.id)


def same_that_waits(session: Session, binder: Binder) -> Binder | None:
    """The launch of the same person for the same thing, if it waits for approval: it is not asked twice."""
    wanted = ("team_id", "owner", "url", "ref", "path", "interface", "size")
    same = [getattr(Binder, name).is_not_distinct_from(getattr(binder, name)) for name in wanted]
    waits = (Binder.waits_for == WaitsFor.APPROVAL, Binder.target == Target.READY)
    return session.scalar(select(Binder).where(*same, *waits).limit(1))


def get(session: Session, binder_id: str) -> Approval | None:
    """What became of the question, if it was asked."""
    return session.get(Approval, binder_id, populate_existing=True)


def approve(session: Session, binder: Binder, by: str) -> bool:
    """Let a launch go on to the queue. False where somebody decided before, or it has ended."""
    if not _decide(session, binder.id, ApprovalState.APPROVED, by):
        return False
    queue.move_on(session, binder)
    return True


def deny(session: Session, binder: Binder, by: str, sentence: str, reason: str) -> bool:
    """End a launch that is not approved. False where somebody decided before, or it has ended.

    Args:
        session: An open write transaction.
        binder: Which waits.
        by: Slack's id of the admin.
        sentence: Why it failed, as its thread says it.
        reason: The admin's words alone.
    """
    if not _decide(session, binder.id, ApprovalState.DENIED, by, reason):
        return False
    queue.fail(session, binder, sentence, "")
    return True


def _decide(session: Session, binder_id: str, state: ApprovalState, by: str, reason: str = "") -> bool:
    """Write a decision down, once: of two who press at once, one is first."""
    waits = select(Binder.id).where(Binder.waits_for == WaitsFor.APPROVAL, Binder.target == Target.READY)
    open_ = (Approval.binder_id == binder_id, Approval.state == ApprovalState.ASKED)
    decided = update(Approval).where(*open_, Approval.binder_id.in_(waits))
    values: dict[str, Any] = {"state": state, "decided_by": by, "decided_at": unix_now(), "reason": reason}
    first = session.scalar(decided.values(**values).returning(Approval.binder_id), execution_options=_PLAIN)
    if first is None:
        return False
    audit.record(session, by, _EVENTS[state], binder_id, reason=reason)
    _show(session, binder_id)
    return True


def is_due(session: Session) -> bool:
    """Whether any question is over: nobody decided in time, or the launch was cancelled."""
    return session.scalar(_over().limit(1)) is not None


def expire(session: Session, sentence: str, hint: str) -> Sequence[str]:
    """Close the questions that are over; what nobody decided in time fails. Returns the ids of those."""
    failed = []
    for binder in session.scalars(_over().order_by(Binder.id)).all():
        is_late = binder.target == Target.READY
        state = ApprovalState.EXPIRED if is_late else ApprovalState.WITHDRAWN
        open_ = (Approval.binder_id == binder.id, Approval.state == ApprovalState.ASKED)
        session.execute(update(Approval).where(*open_).values(state=state), execution_options=_PLAIN)
        _show(session, binder.id)
        if is_late:
            queue.fail(session, binder, sentence, hint)
            failed.append(binder.id)
    return failed


def _over() -> Any:
    asked = select(Binder).join(Approval, Approval.binder_id == Binder.id)
    is_over = or_(Approval.expires_at <= unix_now(), Binder.target == Target.GONE)
    return asked.where(Approval.state == ApprovalState.ASKED, is_over)


def _show(session: Session, binder_id: str) -> None:
    """Owe the admins' channel the newest state of the question."""
    key = f"{MessageKind.APPROVAL}:{binder_id}"
    outbox.touch(session, MessageKind.APPROVAL, key, None, binder=binder_id)
