"""Reading and writing classes. Every function works inside the caller's transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, delete, exists, or_, select
from sqlalchemy.orm import Session

from storage import audit, outbox, seats
from storage.binders import TWIN_SECONDS
from storage.class_models import ClassAudience, ClassPhase, SchoolClass, Seat
from storage.engine import insert_into, serialize, unix_now
from storage.models import Binder
from storage.share_models import Audience, AudienceMember, ShareKind
from storage.shares import Subject
from storage.vocabulary import MessageKind

LEASE = "classes"
"""The lease of whoever makes the seats of classes."""


@dataclass(frozen=True, slots=True)
class AddedClass:
    """What became of a request: the class, and whether it is new."""

    found: SchoolClass
    is_new: bool


def add(session: Session, new: SchoolClass, subjects: Collection[Subject], *, ahead: int) -> AddedClass:
    """Write a new class and owe its message, unless the same request was written before.

    Args:
        session: An open write transaction.
        new: Its name gets a number where another class of the workspace that is not over has it.
        subjects: For whom it is; nobody where it is for all who see its message.
        ahead: How many seats are made before anybody asks.
    """
    serialize(session, f"classes {new.team_id}")
    known = _same_request(session, new)
    if known is not None:
        return AddedClass(known, is_new=False)
    new.name = _free_name(session, new)
    session.add(new)
    session.flush()
    for each in subjects:
        _add_audience(session, new.id, each)
    seats.add(session, new.id, ahead)
    touch(session, new.id, urgent=True)
    audit.record(session, new.teacher, "class", None, class_id=new.id, url=new.url, seats=new.seats)
    return AddedClass(new, is_new=True)


def _same_request(session: Session, new: SchoolClass) -> SchoolClass | None:
    """The same request; or the same teacher wanting the same within a minute: people press Enter again."""
    wanted = ("teacher", "channel", "url", "ref", "path", "size", "seats")
    same = [getattr(SchoolClass, name).is_not_distinct_from(getattr(new, name)) for name in wanted]
    twin = _open_of(new.team_id).where(*same, SchoolClass.created_at > unix_now() - TWIN_SECONDS)
    known = select(SchoolClass).where(SchoolClass.request_key == new.request_key)
    return session.scalar(known) or session.scalar(twin.limit(1))


def _free_name(session: Session, new: SchoolClass) -> str:
    """Other people's private classes do not count: a number would give their names away."""
    visible = or_(SchoolClass.is_private.is_(False), SchoolClass.teacher == new.teacher)
    taken = {each.name for each in session.scalars(_open_of(new.team_id).where(visible))}
    endings = ("", *(f"-{number}" for number in range(2, len(taken) + 3)))
    return next(name for ending in endings if (name := new.name + ending) not in taken)


def _add_audience(session: Session, class_id: str, subject: Subject) -> None:
    session.add(ClassAudience(class_id=class_id, subject=subject.id, kind=subject.kind))
    if subject.kind != ShareKind.USER:
        known = insert_into(session, Audience).values(subject=subject.id, kind=subject.kind, asked_at=0.0)
        session.execute(known.on_conflict_do_nothing(index_elements=["subject"]))


def get(session: Session, class_id: str) -> SchoolClass | None:
    """Find one class, over or not."""
    return session.get(SchoolClass, class_id)


def lock(session: Session, found: SchoolClass) -> None:
    """Let nobody else change a class, or give a seat of it, until the transaction ends. Reads it anew."""
    session.refresh(found, with_for_update=True)


def existing(session: Session, team_id: str) -> Sequence[SchoolClass]:
    """List the classes of a workspace that are not over, the oldest first."""
    return session.scalars(_open_of(team_id).order_by(SchoolClass.created_at)).all()


def recent(session: Session, team_id: str, name: str) -> Sequence[SchoolClass]:
    """List the classes of that name (or id), the newest first; those that are over come last."""
    query = select(SchoolClass).where(
        SchoolClass.team_id == team_id, or_(SchoolClass.name == name, SchoolClass.id == name)
    )
    order = (SchoolClass.phase == ClassPhase.OVER, SchoolClass.created_at.desc())
    return session.scalars(query.order_by(*order)).all()


def at_work(session: Session, *, lock: bool = False) -> Sequence[SchoolClass]:
    """List the classes of all workspaces that are not over, the oldest first; `lock` for who changes them."""
    query = select(SchoolClass).where(SchoolClass.phase != ClassPhase.OVER).order_by(SchoolClass.created_at)
    return session.scalars(query.with_for_update() if lock else query).all()


def touch(session: Session, class_id: str, *, urgent: bool = False) -> None:
    """Owe Slack the newest state of the message of a class."""
    key = f"{MessageKind.CLASS}:{class_id}"
    outbox.touch(session, MessageKind.CLASS, key, None, urgent=urgent, class_id=class_id)


def tell_teacher(session: Session, class_id: str, what: str) -> None:
    """Owe the teacher a word in the thread of a class's message, once for each `what`."""
    key = f"{MessageKind.CLASS_NOTE}:{class_id}:{what}"
    outbox.say(session, MessageKind.CLASS_NOTE, key, None, class_id=class_id, what=what)


def is_teacher_told(session: Session, class_id: str, what: str) -> bool:
    """Whether that word is owed to the teacher, or was said."""
    return outbox.is_owed(session, f"{MessageKind.CLASS_NOTE}:{class_id}:{what}")


def set_message(session: Session, class_id: str, channel: str, ts: str | None) -> None:
    """Note where the message of a class is."""
    found = session.get(SchoolClass, class_id)
    if found is not None:
        found.message_channel, found.message_ts = channel, ts
        session.flush()


def note_privacy(session: Session, class_id: str, *, is_private: bool) -> None:
    """Note whether only some people can read the channel in which a class was announced."""
    found = session.get(SchoolClass, class_id)
    if found is not None:
        found.is_private = is_private
        session.flush()


def audience_of(session: Session, class_id: str) -> list[Subject]:
    """For whom a class is; empty where it is for all who see its message."""
    query = select(ClassAudience).where(ClassAudience.class_id == class_id).order_by(ClassAudience.subject)
    return [Subject(each.kind, each.subject) for each in session.scalars(query)]


def is_for(session: Session, class_id: str, user: str) -> bool:
    """Whether somebody is among those for whom a class is, as far as Slack told."""
    theirs = select(AudienceMember.subject).where(AudienceMember.user == user)
    named = or_(ClassAudience.subject == user, ClassAudience.subject.in_(theirs))
    query = select(ClassAudience.subject).where(ClassAudience.class_id == class_id, named)
    return session.scalar(query.limit(1)) is not None


def without_seat(session: Session, found: SchoolClass, *, limit: int) -> Sequence[str]:
    """People for whom a class is, and who have no seat in it yet; its teacher takes one where they want."""
    of_it = ClassAudience.class_id == found.id
    members = (
        select(AudienceMember.user)
        .join(ClassAudience, ClassAudience.subject == AudienceMember.subject)
        .where(of_it)
    )
    named = select(ClassAudience.subject).where(of_it, ClassAudience.kind == ShareKind.USER)
    people = members.union(named).subquery()
    user = people.c[0]
    has_seat = exists().where(Seat.class_id == found.id, Seat.user == user)
    query = select(user).where(~has_seat, user != found.teacher)
    return session.scalars(query.order_by(user).limit(limit)).all()


def forget(session: Session, *, older_than: float) -> None:
    """Delete the classes that ended more than so many seconds ago, with their seats."""
    past = SchoolClass.ended_at < unix_now() - older_than
    over = delete(SchoolClass).where(SchoolClass.phase == ClassPhase.OVER, past)
    session.execute(over, execution_options={"synchronize_session": False})


def image_owner(session: Session, binder: Binder) -> tuple[bool, str]:
    """Whether everybody may use the image of a binder, and whose it is otherwise.

    The seats of a class share one, as if its teacher had launched them where the class was announced.
    """
    found = session.get(SchoolClass, binder.class_id) if binder.class_id else None
    if found is None:
        return binder.is_private is False, binder.owner
    return found.is_private is False, found.teacher


def _open_of(team_id: str) -> Select[SchoolClass]:
    return select(SchoolClass).where(SchoolClass.team_id == team_id, SchoolClass.phase != ClassPhase.OVER)
