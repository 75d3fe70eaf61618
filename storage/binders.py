"""Reading and writing binders. Every function works inside the caller's transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from sqlalchemy import CursorResult, Float, Integer, String, and_, bindparam, case, or_, select, update
from sqlalchemy.orm import Session

from storage import audit, outbox, shares
from storage.engine import serialize, unix_now
from storage.errors import LostLease
from storage.history_models import LaunchTime
from storage.models import NAME_LENGTH, Binder
from storage.secret_columns import sealed
from storage.vocabulary import Ending, Status, Target

TWIN_SECONDS = 60.0
"""People press Enter again if Slack is slow: an identical launch within this time is the same one."""


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a launch: the binder, and whether it is new."""

    binder: Binder
    is_new: bool


def add(session: Session, binder: Binder, *, wanted_name: str) -> Added:
    """Write a new binder and owe its card, unless the same request was written before.

    The same request: the same `request_key`; or the same person wanting the same thing within a minute, while
    the first one is live.

    Args:
        session: An open write transaction.
        binder: Without name, which is given here; its times by the database's clock (`Store.now`).
        wanted_name: Becomes its name; a number is added where a binder that its owner can see has it already.
            Other people's private binders do not count: a number would give their names away.
    """
    serialize(session, f"launch {binder.team_id}")
    twin = _same_request(session, binder) or _twin(session, binder)
    if twin is not None:
        return Added(twin, is_new=False)
    binder.name = free_name(session, binder, wanted_name)
    session.add(binder)
    session.flush()
    outbox.touch_card(session, binder.id)
    audit.record(session, binder.owner, "launch", binder.id, url=binder.url, ref=binder.ref, size=binder.size)
    return Added(binder, is_new=True)


def _same_request(session: Session, binder: Binder) -> Binder | None:
    return session.scalar(select(Binder).where(Binder.request_key == binder.request_key))


def _twin(session: Session, binder: Binder) -> Binder | None:
    wanted = ("team_id", "owner", "channel", "url", "ref", "path", "interface", "size")
    same = [getattr(Binder, name).is_not_distinct_from(getattr(binder, name)) for name in wanted]
    # Both are None until they are written.
    same += [Binder.without_conda.is_(bool(binder.without_conda)), Binder.rebuild.is_(bool(binder.rebuild))]
    recent = Binder.created_at > unix_now() - TWIN_SECONDS
    query = select(Binder).where(*same, recent, Binder.target == Target.READY)
    return session.scalar(query.order_by(Binder.created_at.desc()).limit(1))


def free_name(session: Session, binder: Binder, wanted: str) -> str:
    """The wanted name, with a number where a binder that the owner of this one can see has it already."""
    visible_names = select(Binder.name).where(
        Binder.team_id == binder.team_id, not_gone(), _is_visible_to(binder.owner)
    )
    taken = set(session.scalars(visible_names))
    endings = ("", *(f"-{number}" for number in range(2, len(taken) + 3)))
    names = (wanted[: NAME_LENGTH - len(ending)] + ending for ending in endings)
    return next(name for name in names if name not in taken)


def _is_visible_to(user: str) -> Any:
    """Whether a binder is no secret for somebody who is no admin: public, shared with them, or their own."""
    return or_(Binder.is_private.is_(False), Binder.owner == user, shares.shared_with(user))


def not_gone() -> Any:
    """The condition that a binder is not gone yet."""
    # Written out, not bound: a planner must see that it is the condition of ix_binders_due.
    gone = bindparam("gone", Status.GONE, type_=Binder.status.type, literal_execute=True)
    return Binder.status != gone


def get(session: Session, binder_id: str) -> Binder | None:
    """Find one binder, gone or not."""
    return session.get(Binder, binder_id)


def existing(session: Session, team_id: str, *, owner: str | None = None) -> Sequence[Binder]:
    """List the binders of a workspace, or of one person, that are not gone yet; the oldest first."""
    query = select(Binder).where(Binder.team_id == team_id, not_gone())
    if owner is not None:
        query = query.where(Binder.owner == owner)
    return session.scalars(query.order_by(Binder.created_at)).all()


def existing_ids(session: Session) -> Sequence[str]:
    """List the ids of all binders that are not gone yet, of every workspace."""
    return session.scalars(select(Binder.id).where(not_gone())).all()


def named(session: Session, team_id: str, name: str, *, user: str) -> Binder | None:
    """Find the binder of that name (or id) that a person most probably means.

    Private binders of others may bear the same name as one that this person can see. So those come last; else
    a live one comes before one that is gone, the person's own before others, and the newest first.
    """
    query = select(Binder).where(Binder.team_id == team_id, or_(Binder.name == name, Binder.id == name))
    preferred = [
        case((condition, 0), else_=1)
        for condition in (_is_visible_to(user), not_gone(), Binder.owner == user)
    ]
    return session.scalar(query.order_by(*preferred, Binder.created_at.desc()).limit(1))


def names(session: Session, binder_ids: Collection[str]) -> dict[str, str]:
    """The names of those of these binders that are still known, by their ids."""
    query = select(Binder.id, Binder.name).where(Binder.id.in_(binder_ids))
    return {row.id: row.name for row in session.execute(query)}


def of_thread(session: Session, channel: str, thread_ts: str) -> Binder | None:
    """Find the binder whose status message is the root of that thread."""
    return session.scalar(
        select(Binder).where(Binder.thread_channel == channel, Binder.thread_ts == thread_ts)
    )


def set_thread(session: Session, binder_id: str, channel: str, ts: str) -> None:
    """Note where a binder's status message is: the root of its thread. Before `outbox.done`: see there."""
    _affected(
        session, update(Binder).where(Binder.id == binder_id).values(thread_channel=channel, thread_ts=ts)
    )


def note_zone(session: Session, binder_id: str, zone: str) -> None:
    """Note the name of the time zone in which its owner is."""
    _affected(session, update(Binder).where(Binder.id == binder_id).values(owner_zone=zone))


def note_privacy(session: Session, binder_id: str, *, is_private: bool) -> None:
    """Note whether only some people can read the channel in which it was launched."""
    _affected(session, update(Binder).where(Binder.id == binder_id).values(is_private=is_private))
    its_launch = update(LaunchTime).where(LaunchTime.binder_id == binder_id)
    _affected(session, its_launch.values(is_private=is_private))


def lose_thread(session: Session, binder_id: str, ts: str) -> bool:
    """Note that a binder's status message is not there any more: it is posted anew before all else is said.

    Returns:
        False where another one is the root of its thread by now.
    """
    that_one = and_(Binder.id == binder_id, Binder.thread_ts == ts)
    return _affected(session, update(Binder).where(that_one).values(thread_ts=None)) == 1


def end(session: Session, binder_id: str, *, ending: Ending, by: str, reason: str = "") -> bool:
    """Ask for a binder to be torn down. False if that was asked before: nothing changes then."""
    wanted = Binder.target != Target.GONE
    values = {"target": Target.GONE, "ending": ending, "ended_by": by, "ended_at": unix_now()}
    detail = {"ending": str(ending)} | ({"reason": reason} if reason else {})
    ended = _change(session, binder_id, by, "end", wanted, detail=detail, **values)
    return ended or discard_failed(session, binder_id, by=by)


def shelve(session: Session, binder_id: str, *, by: str) -> bool:
    """Ask for a ready binder to be shelved. False if it is not ready."""
    ready = and_(Binder.target == Target.READY, Binder.status == Status.READY)
    return _change(session, binder_id, by, "shelve", ready, target=Target.SHELVED)


def note_saved(session: Session, binder_id: str, *, at: float) -> None:
    """Note that the changes of a binder are in its thread, as they were at a time (Unix seconds, UTC)."""
    saved = update(Binder).where(Binder.id == binder_id)
    _affected(session, saved.values(saved_at=at, changed_files=0, counted_at=at))


def resume(session: Session, binder_id: str, *, by: str) -> bool:
    """Ask for a shelved binder to be resumed. False if it is not shelved."""
    return _change(session, binder_id, by, "resume", Binder.target == Target.SHELVED, target=Target.READY)


def keep(session: Session, binder_id: str, *, ends_at: float, awake_until: float, by: str) -> bool:
    """Let a binder live until `ends_at`, and not count as idle before `awake_until`; both only move on.

    Returns:
        False where it should be gone: nothing changes then.
    """
    later = {
        "ends_at": case((Binder.ends_at < ends_at, ends_at), else_=Binder.ends_at),
        "awake_until": case((Binder.awake_until < awake_until, awake_until), else_=Binder.awake_until),
    }
    wanted = Binder.target != Target.GONE
    return _change(session, binder_id, by, "keep", wanted, detail={"until": awake_until}, **later)


def keep_failed(session: Session, binder_id: str, *, seconds: float, by: str) -> bool:
    """Keep what is left of a failed launch for somebody to look at. False where it is too late."""
    return _change(session, binder_id, by, "hold", _held(), kept_until=unix_now() + seconds)


def discard_failed(session: Session, binder_id: str, *, by: str) -> bool:
    """Keep what is left of a failed launch no longer. False where it is not kept."""
    return _change(session, binder_id, by, "let go", _held(), kept_until=0.0)


def _held() -> Any:
    stands = Binder.status.not_in([Status.DELETING, Status.GONE])
    return and_(Binder.ending == Ending.FAILED, stands, Binder.kept_until > unix_now())


def _change(
    session: Session,
    binder_id: str,
    by: str,
    event: str,
    where: Any,
    *,
    detail: Mapping[str, Any] | None = None,
    **values: Any,
) -> bool:
    """Write what a person wants, where it makes sense; its card tells of it, and it is due at once."""
    mine = update(Binder).where(Binder.id == binder_id, where)
    changed = _affected(session, mine.values(**values, generation=Binder.generation + 1, next_at=0.0))
    if changed:
        if not session.scalar(select(Binder.is_warm).where(Binder.id == binder_id)):
            outbox.touch_card(session, binder_id)
        audit.record(session, by, event, binder_id, **(detail or {}))
    return bool(changed)


def claim(session: Session, owner: str, *, limit: int, lease_seconds: float) -> Sequence[Binder]:
    """Lease the binders that are due, the longest waiting first.

    Each claim raises the fence, so whoever held the row before can save nothing any more.
    """
    given = {"most": limit, "new_owner": owner, "seconds": lease_seconds}
    claimed = session.scalars(_claim(), given).all()
    session.expunge_all()
    return sorted(claimed, key=lambda binder: binder.next_at)


@cache  # it is asked for several times a second, and to put it together takes longer than to run it
def _claim() -> Any:
    due = (
        select(Binder.id)
        .where(not_gone(), Binder.next_at <= unix_now(), Binder.lease_until <= unix_now())
        .order_by(Binder.next_at)
        .limit(bindparam("most", type_=Integer))
        .with_for_update(skip_locked=True)
        .cte("due")  # which PostgreSQL runs once; a subquery it may run again, past the limit
    )
    return (
        update(Binder)
        .where(Binder.id.in_(select(due.c.id)))
        .values(
            lease_owner=bindparam("new_owner", type_=String),
            lease_until=unix_now() + bindparam("seconds", type_=Float),
            fence=Binder.fence + 1,
        )
        .returning(Binder)
        .execution_options(synchronize_session=False)
    )


def save(
    session: Session, binder: Binder, changes: Mapping[str, Any], *, next_in: float | None = None
) -> None:
    """Write what the holder of a lease found out.

    Args:
        session: An open write transaction.
        binder: As claimed.
        changes: Column values, or SQL expressions.
        next_in: Seconds until the next look, which gives the lease back; None keeps the lease. What a person
            changed meanwhile makes the next look due at once.

    Raises:
        LostLease: Somebody else claimed the row since.
    """
    changes = sealed(session, Binder, binder.id, changes)
    values = {"fence": binder.fence, **changes}  # never empty: the lease is checked even if nothing changes
    if next_in is not None:
        is_unchanged = Binder.generation == binder.generation
        values |= {
            "next_at": case((is_unchanged, unix_now() + next_in), else_=0.0),
            "lease_until": 0.0,
            "lease_owner": None,
        }
    mine = and_(Binder.id == binder.id, Binder.fence == binder.fence)
    if not _affected(session, update(Binder).where(mine).values(**values)):
        raise LostLease(f"Binder {binder.id} was claimed by another worker meanwhile.")


def reschedule(session: Session, pauses: Sequence[tuple[Binder, float]]) -> None:
    """Give the leases of binders back at which nothing happened: one statement for all of them.

    Args:
        session: An open write transaction.
        pauses: At least one binder as claimed, each with the seconds until its next look. A lost lease is
            left alone.
    """
    mine = (Binder.id == bindparam("its_id"), Binder.fence == bindparam("its_fence"))
    is_unchanged = Binder.generation == bindparam("its_generation")
    later = unix_now() + bindparam("its_pause", type_=Float)
    statement = (
        update(Binder)
        .where(*mine)
        .values(next_at=case((is_unchanged, later), else_=0.0), lease_until=0.0, lease_owner=None)
    )
    rows = [
        {"its_id": each.id, "its_fence": each.fence, "its_generation": each.generation, "its_pause": pause}
        for each, pause in pauses
    ]
    session.connection().execute(statement, rows)


def hasten(session: Session, binder_id: str) -> bool:
    """Make the next look at a binder due at once. False where somebody is looking at it, or it is gone."""
    free = and_(Binder.id == binder_id, not_gone(), Binder.lease_until <= unix_now())
    return _affected(session, update(Binder).where(free).values(next_at=0.0)) == 1


def renew(session: Session, owner: str, binder_ids: Collection[str], lease_seconds: float) -> None:
    """Prolong a worker's leases on these binders; those that others took over meanwhile stay theirs."""
    mine = update(Binder).where(Binder.lease_owner == owner, Binder.id.in_(binder_ids))
    _affected(session, mine.values(lease_until=unix_now() + lease_seconds))


def lock_if_unchanged(session: Session, binder: Binder) -> bool:
    """Whether no person changed a claimed binder since; locks the row until the transaction ends.

    Raises:
        LostLease: Somebody else claimed the row since.
    """
    query = select(Binder.generation, Binder.fence).where(Binder.id == binder.id).with_for_update()
    row = session.execute(query).one_or_none()
    if row is None or row.fence != binder.fence:
        raise LostLease(f"Binder {binder.id} was claimed by another worker meanwhile.")
    return bool(row.generation == binder.generation)


def release(session: Session, owner: str) -> int:
    """Hand all leases of a worker that is stopping back, so that others need not wait for their end."""
    mine = update(Binder).where(Binder.lease_owner == owner, Binder.lease_until > 0)
    return _affected(session, mine.values(lease_until=0.0, lease_owner=None, fence=Binder.fence + 1))


def release_all(session: Session) -> int:
    """End all leases. Only where one process works: at its start, whoever held them is dead."""
    held = update(Binder).where(Binder.lease_until > 0)
    return _affected(session, held.values(lease_until=0.0, lease_owner=None, fence=Binder.fence + 1))


def unknown_or_gone(session: Session, binder_ids: Collection[str]) -> set[str]:
    """Of these ids in the cloud, those of which nothing should be left: unknown here, or gone."""
    own = select(Binder.id).where(Binder.id.in_(binder_ids), Binder.instance_id.is_(None), not_gone())
    taken = select(Binder.instance_id).where(Binder.instance_id.in_(binder_ids), not_gone())
    return set(binder_ids) - {*session.scalars(own), *session.scalars(taken)}


def _affected(session: Session, statement: Any) -> int:
    result = session.execute(statement.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", result).rowcount
