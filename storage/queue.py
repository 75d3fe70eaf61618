"""Launches that wait for a place, and what those use that began. Within the caller's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, select, update
from sqlalchemy.orm import Session, load_only

from storage import audit, binders, outbox
from storage.engine import serialize, unix_now
from storage.models import Binder
from storage.vocabulary import Ending, MessageKind, Target, WaitsFor

_PLAIN = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class Held:
    """What the binders of one person, channel and class have that began and are not gone."""

    team_id: str
    owner: str
    channel: str
    class_id: str | None
    binders: int
    vcpus: int


def lock(session: Session) -> None:
    """Let nobody else decide who begins until the transaction ends."""
    serialize(session, "admission")


def is_waiting(session: Session) -> bool:
    """Whether any launch waits for a place: one look into an index."""
    return session.scalar(select(Binder.id).where(*_waits()).limit(1)) is not None


def move_on(session: Session, binder: Binder) -> None:
    """Let a launch that was approved wait for its place, as if it had done so since it was asked for."""
    approved = update(Binder).where(Binder.id == binder.id)
    session.execute(
        approved.values(waits_for=WaitsFor.PLACE, queue={}, generation=Binder.generation + 1),
        execution_options=_PLAIN,
    )
    session.refresh(binder)
    outbox.touch_card(session, binder.id)


def _waits() -> tuple[Any, ...]:
    return Binder.waits_for == WaitsFor.PLACE, Binder.target == Target.READY


def waiting(session: Session) -> Sequence[Binder]:
    """All launches that wait for a place."""
    return session.scalars(select(Binder).where(*_waits()).order_by(Binder.id)).all()


def last_gone(session: Session) -> float | None:
    """When the last binder was gone, in Unix seconds: one look into an index."""
    return session.scalar(select(func.max(Binder.gone_at)))


def held(session: Session) -> Sequence[Held]:
    """What is taken now. What nobody counted, of binders from before, is one vCPU each."""
    groups = (Binder.team_id, Binder.owner, Binder.channel, Binder.class_id)
    query = select(*groups, func.count(), func.sum(func.coalesce(Binder.vcpus, 1))).where(
        binders.not_gone(), Binder.is_warm.is_(False), Binder.waits_for.is_(None)
    )
    return [Held(*row) for row in session.execute(query.group_by(*groups))]


def ran_since(session: Session, since: float) -> Sequence[Binder]:
    """The binders that were ready since a moment; of each only what tells how long, and at which price."""
    needed = load_only(
        Binder.team_id,
        Binder.owner,
        Binder.channel,
        Binder.class_id,
        Binder.status,
        Binder.status_since,
        Binder.ready_at,
        Binder.ended_at,
        Binder.shelved_seconds,
        Binder.price_per_hour,
    )
    ended = func.coalesce(Binder.ended_at, unix_now())
    return session.scalars(
        select(Binder).options(needed).where(Binder.ready_at.is_not(None), ended > since)
    ).all()


def begin(session: Session, binder: Binder) -> None:
    """Let a launch begin that waited. That time does not count as its lifetime, except in a class."""
    waited = unix_now() - Binder.waits_since
    is_seat = Binder.class_id.is_not(None)
    stage = "repository" if binder.resolved_at is None else "instance"
    values: dict[str, Any] = {
        "waits_for": None,
        "queue": {},
        "status_since": unix_now(),
        "stages": {stage: session.scalar(select(unix_now()))},
        "ends_at": case((is_seat, Binder.ends_at), else_=Binder.ends_at + waited),
        "maximum_at": case((is_seat, Binder.maximum_at), else_=Binder.maximum_at + waited),
    }
    _write(session, binder, values)


def place(session: Session, binder: Binder, facts: Mapping[str, Any]) -> None:
    """Note where a launch stands in the queue, where that changed."""
    if binder.queue != dict(facts):
        _write(session, binder, {"queue": dict(facts), "stages": {}})


def fail(session: Session, binder: Binder, sentence: str, hint: str) -> None:
    """End a launch that waits, because waiting helps nothing or it was not approved."""
    values: dict[str, Any] = {
        "target": Target.GONE,
        "ending": Ending.FAILED,
        "ended_at": unix_now(),
        "failure": sentence,
        "hint": hint,
        "waits_for": None,
        "queue": {},
    }
    _write(session, binder, values)
    outbox.say(session, MessageKind.FAILED, f"{MessageKind.FAILED}:{binder.id}", binder.id)


def sizes_unknown(session: Session) -> Sequence[str]:
    """The sizes of launches that wait, of which nobody knew how many vCPUs they take."""
    query = select(Binder.size).where(*_waits(), Binder.vcpus.is_(None))
    return session.scalars(query.distinct()).all()


def note_vcpus(session: Session, size: str, vcpus: int) -> None:
    """Note how many vCPUs the launches take of which nobody knew it."""
    unknown = update(Binder).where(*_waits(), Binder.size == size, Binder.vcpus.is_(None))
    session.execute(unknown.values(vcpus=vcpus), execution_options=_PLAIN)


def _write(session: Session, binder: Binder, values: Mapping[str, Any]) -> None:
    """Change a launch that still waits; whoever looks at it reads it anew."""
    waits = (Binder.waits_for.is_not(None), Binder.target == Target.READY)
    mine = update(Binder).where(Binder.id == binder.id, *waits)
    changed = session.scalar(
        mine.values(**values, generation=Binder.generation + 1, next_at=0.0).returning(Binder.id),
        execution_options=_PLAIN,
    )
    session.refresh(binder)
    if changed is not None and binder.owner:
        outbox.touch_card(session, binder.id)
    if changed is not None and binder.waits_for is None:
        audit.record(session, "bot", "end" if binder.target == Target.GONE else "begin", binder.id)
