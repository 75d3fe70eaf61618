"""Which processes of the bot are at work on a database, and with tables of which revision they work.

Each has a lease that names both. Every function works inside the caller's transaction.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import leases
from storage.engine import unix_now
from storage.lease_models import Lease

REPORT_SECONDS = 5.0
"""How often a replica reports."""
SILENCE_SECONDS = 30.0
"""How long a replica that does not report counts as being at work."""
_PREFIX = "replica "
_UPGRADE = "upgrade"
"""The lease of a newer version that waits for older ones to end; its owner is the newer revision."""


def report(session: Session, worker: str, revision: str) -> None:
    """Note that a replica is at work."""
    leases.take(session, _name(worker, revision), worker, SILENCE_SECONDS)


def leave(session: Session, worker: str, revision: str) -> None:
    """Note that a replica ends."""
    leases.release(session, _name(worker, revision), worker)


def older(session: Session, revision: str) -> Sequence[str]:
    """The replicas at work that know only older tables."""
    of_older = Lease.name.startswith(_PREFIX) & (Lease.name < f"{_PREFIX}{revision}")
    query = select(Lease.owner).where(of_older, Lease.until > unix_now()).order_by(Lease.owner)
    return [str(each) for each in session.scalars(query)]


def ask_older_to_end(session: Session, revision: str) -> None:
    """Tell replicas of older versions that a newer one waits for them to end."""
    leases.take(session, _UPGRADE, revision, SILENCE_SECONDS)


def is_asked_to_end(session: Session, revision: str) -> bool:
    """Whether a newer version waits for replicas with tables of this revision to end."""
    newer = select(Lease.owner).where(
        Lease.name == _UPGRADE, Lease.until > unix_now(), Lease.owner > revision
    )
    return session.scalar(newer) is not None


def _name(worker: str, revision: str) -> str:
    return f"{_PREFIX}{revision} {worker[-8:]}"
