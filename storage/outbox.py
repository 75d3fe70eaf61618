"""What Slack is owed. Written in the transaction of the change, delivered by a thread of its own.

Who writes a binder and its messages in one transaction writes the binder first, everywhere: two who lock them
in different orders wait for each other, until PostgreSQL fails one of them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    CursorResult,
    Float,
    Integer,
    and_,
    bindparam,
    case,
    exists,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session, aliased

from storage import homes
from storage.engine import insert_into, unix_now
from storage.errors import LostLease
from storage.models import Binder, OutboxMessage
from storage.vocabulary import MessageKind, OutboxState

OPEN = (OutboxState.PENDING, OutboxState.SENDING)
FILES = (MessageKind.ARCHIVE, MessageKind.LOG, MessageKind.REPORT)
"""What takes its time, and has a thread of its own: see `claim`."""
_OUT_OF_TURN = (MessageKind.CARD, MessageKind.LOG)
"""The root of a thread, and what goes to one person's direct message: they wait for nothing."""


@dataclass(frozen=True, slots=True)
class Owed:
    """One message to deliver, with the binder as it is now (None for operators' alerts)."""

    message: OutboxMessage
    binder: Binder | None

    @property
    def team_id(self) -> str:
        """The workspace in which it is said; empty where the row does not tell."""
        return self.binder.team_id if self.binder else str(self.message.facts.get("team", ""))


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a message: whether it was given up, and Slack's timestamp of its post, if any."""

    is_given_up: bool
    ts: str | None

    def counts(self, ts: str) -> bool:
        """Whether a post is the one that counts. Of a message that was given up, any is better than none."""
        return self.ts == ts or (self.ts is None and self.is_given_up)


def _insert(session: Session, **values: Any) -> sqlite.Insert:
    return insert_into(session, OutboxMessage).values(created_at=unix_now(), **values)


def say(session: Session, kind: MessageKind, key: str, binder_id: str | None, **facts: Any) -> None:
    """Owe Slack one message. Saying the same key twice owes it once."""
    insert = _insert(session, kind=kind, key=key, binder_id=binder_id, facts=facts, urgent=True)
    session.execute(insert.on_conflict_do_nothing(index_elements=["key"]))


def is_owed(session: Session, key: str) -> bool:
    """Whether a message of that key is, or was, owed."""
    return session.scalar(select(OutboxMessage.id).where(OutboxMessage.key == key)) is not None


def being_saved(session: Session, binder_ids: Collection[str]) -> set[str]:
    """Of these binders, those whose changes are still on their way to their thread."""
    if not binder_ids:
        return set()
    is_archive = OutboxMessage.kind == MessageKind.ARCHIVE
    of_these = OutboxMessage.binder_id.in_(binder_ids)
    query = select(OutboxMessage.binder_id).where(of_these, is_archive, _is_open(OutboxMessage.state))
    return {each for each in session.scalars(query) if each is not None}


def touch_card(session: Session, binder_id: str, *, urgent: bool = True) -> None:
    """Owe Slack the newest state of a binder's card: however many changes, one row and one edit.

    Where a stage changed, the Home tabs that show the binder are owed, too.

    Args:
        session: An open write transaction.
        binder_id: Whose card.
        urgent: A stage changed; False for the slow heartbeat of a build's log.
    """
    touch(session, MessageKind.CARD, f"card:{binder_id}", binder_id, urgent=urgent)
    if urgent:
        homes.binder_changed(session, binder_id)


def touch(
    session: Session, kind: MessageKind, key: str, binder_id: str | None, *, urgent: bool = True, **facts: Any
) -> None:
    """Owe Slack the newest state of a message that is posted once and then edited in place.

    Args:
        session: An open write transaction.
        kind: What it says.
        key: See `say`.
        binder_id: Of which binder, if of one.
        urgent: False where it may wait for others.
        **facts: What the words need, where it is owed for the first time.
    """
    insert = _insert(session, kind=kind, key=key, binder_id=binder_id, facts=facts, urgent=urgent)
    sending = OutboxMessage.state == OutboxState.SENDING
    # A heartbeat waits its turn; the change of a stage that comes meanwhile must not.
    overtakes = and_(literal(urgent), OutboxMessage.urgent.is_(False))
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["key"],
            set_={
                "version": OutboxMessage.version + 1,
                "attempts": case((_is_open(OutboxMessage.state), OutboxMessage.attempts), else_=0),
                "urgent": or_(OutboxMessage.urgent, literal(urgent)),
                "not_before": case((overtakes, 0.0), else_=OutboxMessage.not_before),
                "state": case((sending, OutboxState.SENDING), else_=OutboxState.PENDING),
            },
        )
    )


def claim(session: Session, *, limit: int, lease_seconds: float, archives: bool = False) -> Sequence[Owed]:
    """Lease what may be sent now, the oldest first: messages, or files (`archives`), which take their time.

    Of each thread's messages only the first one that is still open, and none but the card before the card is
    there. The links, which one person alone sees, wait for the card only: public posts have to be slow. A row
    whose sender died is leased again and marked unsure: it may have arrived.
    """
    rows = session.scalars(_claim(archives), {"most": limit, "seconds": lease_seconds}).all()
    owed = [Owed(row, session.get(Binder, row.binder_id) if row.binder_id else None) for row in rows]
    session.expunge_all()
    return sorted(owed, key=lambda each: each.message.id)


@cache  # it is asked for several times a second, and to put it together takes longer than to run it
def _claim(archives: bool) -> Any:  # noqa: FBT001 - of one kind, or of the other
    due = (
        select(OutboxMessage.id)
        .where(
            _is_open(OutboxMessage.state),
            OutboxMessage.not_before <= unix_now(),
            OutboxMessage.lease_until <= unix_now(),
            _is_archive(archives),
            or_(OutboxMessage.kind.in_(_OUT_OF_TURN), ~_something_earlier_is_open()),
        )
        .order_by(OutboxMessage.urgent.desc(), OutboxMessage.id)
        .limit(bindparam("most", type_=Integer))
        .with_for_update(skip_locked=True)
        .cte("due")  # which PostgreSQL runs once; a subquery it may run again, past the limit
    )
    return (
        update(OutboxMessage)
        .where(OutboxMessage.id.in_(select(due.c.id)))
        .values(
            unsure=or_(OutboxMessage.unsure, OutboxMessage.state == OutboxState.SENDING),
            state=OutboxState.SENDING,
            lease_until=unix_now() + bindparam("seconds", type_=Float),
            fence=OutboxMessage.fence + 1,
        )
        .returning(OutboxMessage)
        .execution_options(synchronize_session=False)
    )


def _is_archive(archives: bool) -> Any:  # noqa: FBT001 - whether it is, or is not
    is_archive = OutboxMessage.kind.in_(FILES)
    return is_archive if archives else ~is_archive


def _something_earlier_is_open() -> Any:
    earlier = aliased(OutboxMessage)
    rootless = exists().where(Binder.id == earlier.binder_id, Binder.thread_ts.is_(None)).correlate(earlier)
    is_public_reply = and_(
        earlier.kind.not_in((MessageKind.CARD, *FILES)),  # nobody waits for a file
        OutboxMessage.kind != MessageKind.LINKS,
    )
    return exists().where(
        earlier.binder_id == OutboxMessage.binder_id,
        earlier.id < OutboxMessage.id,
        _is_open(earlier.state),
        or_(and_(earlier.kind == MessageKind.CARD, rootless), is_public_reply),
    )


def _is_open(state: Any) -> Any:
    # Written out, not bound: a planner must see that it is the condition of ix_outbox_open.
    return state.in_(bindparam("open", OPEN, expanding=True, literal_execute=True))


def done(session: Session, message: OutboxMessage, *, ts: str | None = None) -> None:
    """Mark a message as delivered; a card that changed meanwhile is owed again.

    Raises:
        LostLease: Somebody else took it over since.
    """
    _update(
        session,
        message,
        state=case((_newest(message), OutboxState.DONE), else_=OutboxState.PENDING),
        sent_ts=ts or message.sent_ts,
        lease_until=0.0,
        unsure=False,
        attempts=0,
        urgent=case((_newest(message), False), else_=OutboxMessage.urgent),
    )


def postpone(
    session: Session, message: OutboxMessage, seconds: float, *, unsure: bool, error: str = ""
) -> None:
    """Owe it again later: the rate does not allow it yet, or the try failed.

    Args:
        session: An open write transaction.
        message: As claimed.
        seconds: How long to wait.
        unsure: Whether the try may have arrived all the same.
        error: What went wrong; an empty string where it was only too early, which counts as no attempt.

    Raises:
        LostLease: Somebody else took it over since.
    """
    later = unix_now() + seconds
    _update(
        session,
        message,
        state=OutboxState.PENDING,
        # What changed meanwhile may be more urgent than what was too early: it is looked at anew. A failure
        # is no less one for it: without its pause, a busy card would soon have used up its tries.
        not_before=later if error else case((_newest(message), later), else_=0.0),
        lease_until=0.0,
        unsure=unsure,
        attempts=OutboxMessage.attempts + int(bool(error)),
        error=error or message.error,
    )


def give_up(session: Session, message: OutboxMessage, error: str) -> None:
    """Mark a message as undeliverable, so that it holds up nobody behind it.

    A card that changed meanwhile is owed again, as new: it may say what can be delivered.

    Raises:
        LostLease: Somebody else took it over since.
    """
    _update(
        session,
        message,
        state=case((_newest(message), OutboxState.DEAD), else_=OutboxState.PENDING),
        attempts=case((_newest(message), OutboxMessage.attempts), else_=0),
        error=error,
        lease_until=0.0,
    )


def fate(session: Session, message: OutboxMessage) -> Fate | None:
    """What became of a message that somebody else took over; None while it is still under way."""
    row = session.get(OutboxMessage, message.id)
    if row is None:
        return Fate(is_given_up=False, ts=None)
    binder = session.get(Binder, row.binder_id) if row.kind == MessageKind.CARD else None
    ts = row.sent_ts if binder is None else binder.thread_ts
    return None if ts is None and row.state in OPEN else Fate(row.state == OutboxState.DEAD, ts)


def reopen(session: Session, *, archives: bool = False) -> None:
    """End all leases, of messages or of archives. Only where one process delivers: no other is alive.

    What was being sent stays marked so, and will be looked for before it is sent again.
    """
    held = update(OutboxMessage).where(OutboxMessage.state == OutboxState.SENDING, _is_archive(archives))
    session.execute(held.values(lease_until=0.0).execution_options(synchronize_session=False))


def _newest(message: OutboxMessage) -> Any:
    return OutboxMessage.version == message.version


def _update(session: Session, message: OutboxMessage, **values: Any) -> None:
    mine = and_(OutboxMessage.id == message.id, OutboxMessage.fence == message.fence)
    statement = update(OutboxMessage).where(mine).values(**values)
    result = session.execute(statement.execution_options(synchronize_session=False))
    if not cast("CursorResult[Any]", result).rowcount:
        raise LostLease(f"Outbox message {message.id} was taken over meanwhile.")
