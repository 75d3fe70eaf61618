"""Whether the bot launches nothing new, and until when. Every function works inside the caller's transaction.

What runs goes on. The setting is a row, so that all replicas keep to it from the moment it is written.
"""

from dataclasses import dataclass

from sqlalchemy import func, not_, select
from sqlalchemy.orm import Session

from storage import outbox, site_settings
from storage.binders import not_gone
from storage.engine import serialize, unix_now
from storage.models import Binder
from storage.vocabulary import MessageKind, Status

SETTING = "drain"
_NEVER = 0.0


@dataclass(frozen=True, slots=True)
class Drain:
    """A drain that is in force.

    Attributes:
        by: Who began it.
        since: When, in Unix seconds UTC.
        until: When it ends by itself; None for never.
        team_id: Of which workspace they are.
    """

    by: str
    since: float
    until: float | None
    team_id: str


def in_force(session: Session) -> Drain | None:
    """The drain that is in force now; None where the bot launches as ever."""
    row = site_settings.get(session, SETTING)
    if row is None:
        return None
    until = float(row.value.get("until") or _NEVER)
    if until and until <= session.execute(unix_now().select()).scalar_one():
        return None
    return Drain(row.set_by, row.set_at, until or None, str(row.value.get("team_id", "")))


def begin(session: Session, *, by: str, team_id: str, until: float | None) -> int:
    """Launch nothing new from now on, and owe everybody who has a live binder one warning.

    Args:
        session: An open write transaction.
        by: Who wants it.
        team_id: Of which workspace they are.
        until: When it ends by itself (Unix seconds, UTC); None for never.

    Returns:
        How many people are warned.
    """
    serialize(session, f"launch {team_id}")  # a launch is written before, or it is refused
    site_settings.put(session, SETTING, {"until": until, "team_id": team_id}, by=by)
    row = site_settings.get(session, SETTING)
    since = row.set_at if row is not None else 0.0
    warned = _one_of_each_owner(session)
    for (team, owner), binder_id in warned:
        key = f"{MessageKind.DRAIN}:{since}:{team}:{owner}"
        told_by = by if team == team_id else ""  # elsewhere nobody knows them
        outbox.say(session, MessageKind.DRAIN, key, binder_id, by=told_by, until=until)
    return len(warned)


def end(session: Session, *, by: str) -> bool:
    """Launch again. False where nothing kept the bot from it."""
    was_in_force = in_force(session) is not None
    site_settings.remove(session, SETTING, by=by)
    return was_in_force


def count_running(session: Session) -> int:
    """How many binders of all workspaces run, are being started or torn down.

    Those that are shelved do not count, and neither do launches that have not begun.
    """
    runs = (not_gone(), Binder.status != Status.SHELVED, not_(Binder.is_warm), Binder.waits_for.is_(None))
    return session.scalar(select(func.count()).where(*runs)) or 0


def tell_when_empty(session: Session) -> bool:
    """Owe who began the drain the word that nothing runs any more, once. False where it is too early."""
    drain = in_force(session)
    if drain is None or count_running(session):
        return False
    key = f"{MessageKind.DRAINED}:{drain.since}"
    outbox.say(session, MessageKind.DRAINED, key, None, to=drain.by, team=drain.team_id)
    return True


def is_to_be_told(session: Session) -> bool:
    """Whether nothing runs any more and nobody was told. Reads only."""
    drain = in_force(session)
    if drain is None or outbox.is_owed(session, f"{MessageKind.DRAINED}:{drain.since}"):
        return False
    return not count_running(session)


def _one_of_each_owner(session: Session) -> list[tuple[tuple[str, str], str]]:
    """Each owner of a live binder, by workspace and id, and the newest of theirs."""
    live = (Binder.is_live, not_(Binder.is_warm), Binder.owner != "")
    query = select(Binder.team_id, Binder.owner, Binder.id).where(*live).order_by(Binder.created_at)
    return list({(row.team_id, row.owner): row.id for row in session.execute(query)}.items())
