"""With whom binders are shared. Every function works inside the caller's transaction."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, exists, or_, select, union, update
from sqlalchemy.orm import Session

from storage import audit, homes, outbox
from storage.audit_models import Audit
from storage.class_models import ClassAudience, ClassPhase, SchoolClass
from storage.engine import insert_into, unix_now
from storage.models import Binder
from storage.share_models import Audience, AudienceMember, Share, ShareKind
from storage.vocabulary import MessageKind, Result, Status

_OPENED = "open"
_PLAIN = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class Subject:
    """With whom something is shared: Slack's id of a person, channel or group."""

    kind: ShareKind
    id: str


def share(
    session: Session, binder_id: str, subjects: Collection[Subject], *, manages: bool, by: str
) -> list[Subject]:
    """Share a binder, or change what they may do with it.

    Returns:
        Those for whom that is new.
    """
    # In one order everywhere: two who share with the same at once do not wait for each other.
    ordered = sorted(subjects, key=lambda each: each.id)
    new = [each for each in ordered if _insert(session, binder_id, each, manages=manages, by=by)]
    for each in new:
        audit.record(session, by, "share", binder_id, subject=each.id, manages=manages)
    if new:
        homes.binder_changed(session, binder_id)
    return new


def _insert(session: Session, binder_id: str, subject: Subject, *, manages: bool, by: str) -> bool:
    if subject.kind != ShareKind.USER:
        known = insert_into(session, Audience).values(subject=subject.id, kind=subject.kind, asked_at=0.0)
        session.execute(known.on_conflict_do_nothing(index_elements=["subject"]))
    row = insert_into(session, Share).values(
        binder_id=binder_id, subject=subject.id, kind=subject.kind, manages=manages, by=by, at=unix_now()
    )
    changed = row.on_conflict_do_update(
        index_elements=["binder_id", "subject"],
        set_={"manages": manages, "by": by},
        where=Share.manages.is_not(manages),
    )
    return session.scalar(changed.returning(Share.subject)) is not None


def unshare(session: Session, binder_id: str, subject_ids: Collection[str], *, by: str) -> list[Subject]:
    """Share a binder with these no longer.

    Returns:
        Those with whom it was shared.
    """
    homes.binder_changed(session, binder_id)  # before: those who lose it are told, too
    meant = delete(Share).where(Share.binder_id == binder_id, Share.subject.in_(subject_ids))
    rows = session.execute(meant.returning(Share.kind, Share.subject), execution_options=_PLAIN).all()
    for _, subject in rows:
        audit.record(session, by, "unshare", binder_id, subject=subject)
    return sorted((Subject(kind, subject) for kind, subject in rows), key=lambda each: each.id)


def of(session: Session, binder_id: str) -> Sequence[Share]:
    """With whom a binder is shared, in the order in which that happened."""
    query = select(Share).where(Share.binder_id == binder_id)
    return session.scalars(query.order_by(Share.at, Share.subject)).all()


def rights(session: Session, user: str, binder_id: str | None = None) -> dict[str, bool]:
    """What is shared with somebody, by themselves or as a member of a channel or group.

    Args:
        session: An open transaction.
        user: Who.
        binder_id: Only whether this one is; None for all.

    Returns:
        Whether they may manage it, by the binder's id.
    """
    query = select(Share.binder_id, Share.manages).where(_includes(user))
    if binder_id is not None:
        query = query.where(Share.binder_id == binder_id)
    found: dict[str, bool] = {}
    for shared_id, manages in session.execute(query):
        found[shared_id] = found.get(shared_id, False) or manages
    return found


def right_of(session: Session, binder_id: str, to: str) -> bool | None:
    """Whether a person or a channel may manage a binder; None where it is not shared with them."""
    directly = session.scalar(select(Share.manages).where(Share.binder_id == binder_id, Share.subject == to))
    return rights(session, to, binder_id).get(binder_id) if directly is None else directly


def shared_with(user: str) -> ColumnElement[bool]:
    """A condition for queries of binders: it is shared with that person."""
    return exists().where(Share.binder_id == Binder.id, _includes(user)).correlate(Binder)


def _includes(user: str) -> ColumnElement[bool]:
    theirs = select(AudienceMember.subject).where(AudienceMember.user == user)
    return or_(Share.subject == user, Share.subject.in_(theirs))


def existing(session: Session, team_id: str, user: str) -> Sequence[Binder]:
    """List the binders that others share with somebody and that are not gone yet, the oldest first."""
    query = select(Binder).where(
        Binder.team_id == team_id, Binder.status != Status.GONE, Binder.owner != user, shared_with(user)
    )
    return session.scalars(query.order_by(Binder.created_at)).all()


def tell(session: Session, binder_id: str, to: str, *, by: str, occasion: str) -> None:
    """Owe a person or a channel the word that a binder is shared with them.

    Args:
        session: An open write transaction.
        binder_id: Which.
        to: Slack's id of the person or the channel.
        by: Who shared it.
        occasion: The same one is told once.
    """
    key = f"{MessageKind.SHARED}:{binder_id}:{to}:{occasion}"[:255]
    outbox.say(session, MessageKind.SHARED, key, binder_id, to=to, by=by)


def tell_owner(
    session: Session, binder: Binder, *, by: str, action: str, occasion: str, reason: str = ""
) -> None:
    """Owe the thread a word of what somebody else than the owner did; nothing where it was the owner.

    Args:
        session: An open write transaction.
        binder: With what.
        by: Who did it.
        action: What.
        occasion: The same one is told once.
        reason: Why, in their words.
    """
    if by != binder.owner:
        key = f"{MessageKind.ACTED}:{binder.id}:{action}:{occasion}"[:255]
        outbox.say(session, MessageKind.ACTED, key, binder.id, by=by, action=action, reason=reason)


# --- who has links ---------------------------------------------------------------------------------------


def note_opened(session: Session, binder_id: str, user: str) -> None:
    """Note that somebody got links to a server, with its token."""
    audit.record(session, user, _OPENED, binder_id)


def opened_by(session: Session, binder_id: str) -> set[str]:
    """Who got links to a server beside its owner."""
    is_it = (Audit.binder_id == binder_id, Audit.event == _OPENED, Audit.result == Result.DONE)
    query = select(Audit.actor).where(*is_it)
    return set(session.scalars(query.distinct()))


# --- members ---------------------------------------------------------------------------------------------


def claim_audiences(session: Session, *, older_than: float, limit: int = 1) -> list[Subject]:
    """Take channels and groups whose members Slack has to be asked for: no other replica gets them.

    Args:
        session: An open write transaction.
        older_than: Seconds after which Slack is asked again.
        limit: How many to take.
    """
    due = (
        _due(older_than).order_by(Audience.asked_at).limit(limit).with_for_update(skip_locked=True).cte("due")
    )
    claimed = update(Audience).where(Audience.subject.in_(select(due.c.subject)))
    rows = session.execute(
        claimed.values(asked_at=unix_now()).returning(Audience.kind, Audience.subject),
        execution_options=_PLAIN,
    )
    return [Subject(kind, subject) for kind, subject in rows.all()]


def is_audience_due(session: Session, *, older_than: float) -> bool:
    """Whether there is one to take; this needs no write transaction."""
    return session.scalar(_due(older_than).limit(1)) is not None


def workspaces_of(session: Session, subject_id: str) -> Sequence[str]:
    """The workspaces in which something is shared with a channel or group, or in which a class is for it.

    An empty one comes first where the settings name it: they mean the home workspace.
    """
    shared = select(Binder.team_id).join(Share, Share.binder_id == Binder.id)
    taught = select(SchoolClass.team_id).join(ClassAudience, ClassAudience.class_id == SchoolClass.id)
    both = union(
        shared.where(Share.subject == subject_id, Binder.status != Status.GONE),
        taught.where(ClassAudience.subject == subject_id, SchoolClass.phase != ClassPhase.OVER),
    )
    named = select(Audience.subject).where(Audience.subject == subject_id, Audience.is_named)
    return [*([""] if session.scalar(named) else ()), *sorted(session.scalars(both))]


def _due(older_than: float) -> Select[str]:
    shared = exists().where(
        Share.subject == Audience.subject, Share.binder_id == Binder.id, Binder.status != Status.GONE
    )
    return select(Audience.subject).where(
        Audience.asked_at <= unix_now() - older_than, or_(shared, _has_class(), Audience.is_named)
    )


def _has_class() -> ColumnElement[bool]:
    """Whether a class that is not over is for a channel or group."""
    return exists().where(
        ClassAudience.subject == Audience.subject,
        ClassAudience.class_id == SchoolClass.id,
        SchoolClass.phase != ClassPhase.OVER,
    )


def name_groups(session: Session, groups: Collection[str]) -> None:
    """Note which user groups the settings name: Slack is asked for their members while they are named.

    Args:
        session: An open write transaction.
        groups: Slack's ids; those that were named before and are not among them are forgotten.
    """
    session.execute(update(Audience).values(is_named=Audience.subject.in_(groups)), execution_options=_PLAIN)
    name_more_groups(session, groups)


def name_more_groups(session: Session, groups: Collection[str]) -> None:
    """Note further user groups of which the members have to be known; forgets none."""
    for each in sorted(groups):
        row = insert_into(session, Audience).values(
            subject=each, kind=ShareKind.GROUP, asked_at=0.0, is_named=True
        )
        session.execute(row.on_conflict_do_update(index_elements=["subject"], set_={"is_named": True}))


def groups_of(session: Session, user: str, groups: Collection[str]) -> set[str]:
    """Of these user groups, those in which somebody is, as far as Slack told."""
    theirs = select(AudienceMember.subject).where(
        AudienceMember.user == user, AudienceMember.subject.in_(groups)
    )
    return set(session.scalars(theirs))


def members_of(session: Session, groups: Collection[str]) -> Mapping[str, set[str]]:
    """In which of these user groups people are, by person, as far as Slack told."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    if groups:
        rows = select(AudienceMember.user, AudienceMember.subject).where(AudienceMember.subject.in_(groups))
        for user, group in session.execute(rows):
            found[user].add(group)
    return found


def are_known(session: Session, groups: Collection[str]) -> bool:
    """Whether Slack was asked for the members of all these groups."""
    asked = select(Audience.subject).where(Audience.subject.in_(groups), Audience.asked_at > 0)
    return set(session.scalars(asked)) >= set(groups)


def ask_again(session: Session, subject_id: str) -> None:
    """Note that Slack did not tell the members: it is asked again at once."""
    missed = update(Audience).where(Audience.subject == subject_id)
    session.execute(missed.values(asked_at=0.0), execution_options=_PLAIN)


def set_members(session: Session, subject_id: str, users: Collection[str]) -> set[str]:
    """Write down who is in a channel or group.

    Returns:
        Those who were not in it before.
    """
    of_it = AudienceMember.subject == subject_id
    before = set(session.scalars(select(AudienceMember.user).where(of_it)))
    wanted = set(users)
    if left := before - wanted:
        session.execute(delete(AudienceMember).where(of_it, AudienceMember.user.in_(left)))
    rows: list[dict[str, Any]] = [{"subject": subject_id, "user": each} for each in sorted(wanted - before)]
    if rows:
        session.execute(insert_into(session, AudienceMember).on_conflict_do_nothing(), rows)
    homes.people_changed(session, before ^ wanted)
    return wanted - before


def live_in(session: Session, subject_id: str) -> Sequence[tuple[Binder, Share]]:
    """The live binders that are shared with a channel or group."""
    query = select(Binder, Share).join(Share, Share.binder_id == Binder.id)
    rows = session.execute(query.where(Share.subject == subject_id, Binder.is_live)).all()
    return [(binder, share) for binder, share in rows]


def forget_unused(session: Session) -> None:
    """Delete the members of channels and groups with which nothing is shared, and for which no class is.

    Those that the settings name stay.
    """
    used = or_(exists().where(Share.subject == Audience.subject), _has_class(), Audience.is_named)
    session.execute(delete(Audience).where(~used), execution_options=_PLAIN)
