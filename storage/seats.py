"""The seats of classes, and the binders that stand at them. Within the caller's transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, and_, case, func, or_, select, update
from sqlalchemy.orm import Session

from storage import audit, binders, outbox
from storage.class_models import SchoolClass, Seat
from storage.engine import unix_now
from storage.models import Binder, Notice
from storage.vocabulary import Ending, MessageKind, Outcome, Status, Target

MOST_LAUNCHES = 2
"""How often a seat is launched by itself before it counts as failed."""
_PLAIN = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class SeatCounts:
    """How many seats of a class are how far.

    Attributes:
        made: All there are.
        given: Those that somebody has.
        ready: Those whose binder can be opened.
        failed: Those whose binder could not be launched, or was lost.
        ended: Those whose binder was torn down.
        live: Those that have a binder which is not gone yet.
    """

    made: int = 0
    given: int = 0
    ready: int = 0
    failed: int = 0
    ended: int = 0
    live: int = 0

    @property
    def waiting(self) -> int:
        """Those on their way."""
        return self.made - self.ready - self.failed - self.ended

    def as_row(self) -> dict[str, int]:
        """The numbers by name."""
        return asdict(self)


def counts(session: Session, class_ids: Collection[str]) -> Mapping[str, SeatCounts]:
    """How far the seats of each class are: one query for all of them."""
    if not class_ids:
        return {}
    query = (
        select(
            Seat.class_id,
            func.count(),
            func.count(Seat.user),
            _sum(and_(Binder.status == Status.READY, Binder.target == Target.READY)),
            _sum(and_(_is_broken(), ~_is_tried_again())),
            _sum(and_(Binder.target == Target.GONE, ~_is_broken())),
            _sum(Binder.status != Status.GONE),
        )
        .outerjoin(Binder, Binder.id == Seat.binder_id)
        .where(Seat.class_id.in_(class_ids))
        .group_by(Seat.class_id)
    )
    found = {row[0]: SeatCounts(*(int(each) for each in row[1:])) for row in session.execute(query)}
    return {each: found.get(each, SeatCounts()) for each in class_ids}


def _sum(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _is_broken() -> ColumnElement[bool]:
    return and_(Binder.target == Target.GONE, Binder.ending.in_([Ending.FAILED, Ending.LOST]))


def _is_tried_again() -> ColumnElement[bool]:
    return and_(Binder.target == Target.GONE, Binder.ending == Ending.FAILED, Seat.launches < MOST_LAUNCHES)


def add(session: Session, class_id: str, count: int) -> None:
    """Add so many seats that nobody has yet."""
    made = session.scalar(select(func.max(Seat.number)).where(Seat.class_id == class_id)) or 0
    session.add_all(Seat(class_id=class_id, number=made + each, launches=0) for each in range(1, count + 1))
    session.flush()


def of_class(session: Session, class_id: str) -> Sequence[tuple[Seat, Binder | None]]:
    """All seats of a class with their binders, in their order."""
    query = select(Seat, Binder).outerjoin(Binder, Binder.id == Seat.binder_id)
    rows = session.execute(query.where(Seat.class_id == class_id).order_by(Seat.number)).all()
    return [(seat, binder) for seat, binder in rows]


def first(session: Session, class_id: str) -> tuple[Seat, Binder | None] | None:
    """The first seat, and its binder."""
    query = select(Seat, Binder).outerjoin(Binder, Binder.id == Seat.binder_id)
    row = session.execute(query.where(Seat.class_id == class_id, Seat.number == 1)).one_or_none()
    return None if row is None else (row[0], row[1])


def all_binders(session: Session, class_id: str) -> Sequence[Binder]:
    """Every binder that was launched for a class, those that are gone too."""
    return session.scalars(select(Binder).where(Binder.class_id == class_id)).all()


def to_launch(session: Session, class_id: str, *, limit: int) -> Sequence[Seat]:
    """Seats that lack a binder: those that somebody has first."""
    query = select(Seat).outerjoin(Binder, Binder.id == Seat.binder_id)
    lacking = or_(Seat.binder_id.is_(None), _is_tried_again())
    query = query.where(Seat.class_id == class_id, lacking)
    return session.scalars(query.order_by(Seat.user.is_(None), Seat.number).limit(limit)).all()


def is_given_up(session: Session, binder_id: str) -> bool:
    """Whether a seat keeps a binder that failed: no other one is launched for it by itself."""
    query = select(Seat.number).where(Seat.binder_id == binder_id, Seat.launches >= MOST_LAUNCHES)
    return session.scalar(query) is not None


def count_to_launch(session: Session, class_id: str) -> int:
    """How many seats lack a binder."""
    query = select(func.count()).select_from(Seat).outerjoin(Binder, Binder.id == Seat.binder_id)
    lacking = or_(Seat.binder_id.is_(None), _is_tried_again())
    return int(session.scalar(query.where(Seat.class_id == class_id, lacking)) or 0)


def launch(session: Session, seat: Seat, binder: Binder, *, name: str) -> None:
    """Write the binder of a seat.

    Args:
        session: An open write transaction.
        seat: Which lacks one.
        binder: Without name, which is given here.
        name: The name of its class.
    """
    binder.name = binders.free_name(session, binder, name) if seat.user else f"{name}-{seat.number}"
    session.add(binder)
    seat.binder_id, seat.launches = binder.id, seat.launches + 1
    session.flush()
    audit.record(session, seat.user or "bot", "launch", binder.id, class_id=seat.class_id, seat=seat.number)
    if seat.user:
        outbox.touch_card(session, binder.id)


# --- people ----------------------------------------------------------------------------------------------


def of_user(session: Session, class_id: str, user: str) -> Seat | None:
    """The seat that somebody has in a class."""
    return session.scalar(select(Seat).where(Seat.class_id == class_id, Seat.user == user))


def give(session: Session, found: SchoolClass, user: str) -> Seat | None:
    """Give somebody a seat in a locked class: the one that they have, one that nobody has, or a new one.

    The first seat is the first to be given. A seat whose binder is over gets a new binder.

    Returns:
        None where all seats are given.
    """
    seat = of_user(session, found.id, user) or _spare(session, found.id) or _new(session, found)
    if seat is None:
        return None
    binder = session.get(Binder, seat.binder_id) if seat.binder_id else None
    if binder is None or binder.target == Target.GONE:
        seat.binder_id = None
    elif seat.user is None:
        _hand_over(session, binder, found, user)
    seat.user = user
    session.flush()
    return seat


def _spare(session: Session, class_id: str) -> Seat | None:
    """A seat that nobody has: one that is ready before others."""
    query = select(Seat).outerjoin(Binder, Binder.id == Seat.binder_id)
    nobodys = query.where(Seat.class_id == class_id, Seat.user.is_(None))
    is_ready = and_(Binder.status == Status.READY, Binder.target == Target.READY)
    order = case((is_ready, 0), (Seat.binder_id.is_not(None), 1), else_=2)
    return session.scalar(nobodys.order_by(order, Seat.number).limit(1))


def _new(session: Session, found: SchoolClass) -> Seat | None:
    made = session.scalar(select(func.count()).select_from(Seat).where(Seat.class_id == found.id)) or 0
    if made >= found.seats:
        return None
    add(session, found.id, 1)
    return _spare(session, found.id)


def _hand_over(session: Session, binder: Binder, found: SchoolClass, user: str) -> None:
    """Make somebody the owner of a binder that had none."""
    binder.owner = binder.channel = user
    binder.name = binders.free_name(session, binder, found.name)
    binder.generation += 1
    binder.next_at = 0.0
    session.flush()
    outbox.touch_card(session, binder.id)
    audit.record(session, user, "claim", binder.id, class_id=found.id)


# --- all at once -----------------------------------------------------------------------------------------


def move_end(session: Session, class_id: str, ends_at: float, outcome: Outcome, by: str) -> None:
    """Let all binders of a class end at another time. Their open notices of the old end are settled so.

    The cards of those that somebody has say when they end.
    """
    live = and_(Binder.class_id == class_id, Binder.target != Target.GONE)
    later = {"ends_at": ends_at, "maximum_at": ends_at, "generation": Binder.generation + 1, "next_at": 0.0}
    session.execute(update(Binder).where(live).values(**later), execution_options=_PLAIN)
    theirs = select(Binder.id).where(live)
    for binder_id in session.scalars(theirs.where(Binder.owner != "").order_by(Binder.id)).all():
        outbox.touch_card(session, binder_id)
    opened = update(Notice).where(Notice.binder_id.in_(theirs), Notice.outcome.is_(None))
    rows = session.execute(
        opened.values(outcome=outcome, outcome_by=by).returning(Notice.id, Notice.binder_id),
        execution_options=_PLAIN,
    ).all()
    for notice_id, binder_id in sorted(rows):
        key = f"{MessageKind.NOTICE}:{notice_id}"
        outbox.touch(session, MessageKind.NOTICE, key, binder_id, urgent=False, notice=notice_id)


def end_unused(session: Session, class_id: str, by: str) -> int:
    """Tear down what nobody has, or what is not ready: no work is lost with it. Returns how many."""
    unused = and_(
        Binder.class_id == class_id,
        Binder.target != Target.GONE,
        or_(Binder.owner == "", Binder.ready_at.is_(None)),
    )
    values: dict[str, Any] = {
        "target": Target.GONE,
        "ending": Ending.STOPPED,
        "ended_by": by,
        "ended_at": unix_now(),
        "generation": Binder.generation + 1,
        "next_at": 0.0,
    }
    result = session.execute(update(Binder).where(unused).values(**values), execution_options=_PLAIN)
    return cast("CursorResult[Any]", result).rowcount
