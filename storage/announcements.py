"""What an admin tells everybody who has a binder. Every function works inside the caller's transaction."""

from collections.abc import Sequence

from sqlalchemy import not_, select
from sqlalchemy.orm import Session

from storage import audit, outbox
from storage.models import Binder
from storage.vocabulary import MessageKind


def live(session: Session, team_id: str) -> Sequence[str]:
    """The ids of the binders of a workspace whose owners would be told; the oldest first."""
    wanted = (Binder.team_id == team_id, Binder.is_live, not_(Binder.is_warm), Binder.owner != "")
    return session.scalars(select(Binder.id).where(*wanted).order_by(Binder.created_at)).all()


def announce(session: Session, team_id: str, announcement_id: str, text: str, *, by: str) -> int:
    """Owe the threads of all live binders of a workspace a text, each once for the same announcement.

    Returns:
        How many there are.
    """
    found = live(session, team_id)
    for binder_id in found:
        key = f"{MessageKind.ANNOUNCEMENT}:{announcement_id}:{binder_id}"[:255]
        outbox.say(session, MessageKind.ANNOUNCEMENT, key, binder_id, by=by, text=text)
    audit.record(session, by, "announce", None, text=text, binders=len(found))
    return len(found)
