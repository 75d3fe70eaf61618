"""Work of which one replica at a time does its share."""

from sqlalchemy import or_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storage.engine import unix_now
from storage.models import Lease


def take(session: Session, name: str, owner: str, seconds: float) -> bool:
    """Take or renew a lease by name; False while somebody else holds it.

    Args:
        session: An open write transaction.
        name: What is done under it.
        owner: Who does it.
        seconds: For how long, by the database's clock.
    """
    free = or_(Lease.owner == owner, Lease.until <= unix_now())
    taken = session.execute(
        update(Lease)
        .where(Lease.name == name, free)
        .values(owner=owner, until=unix_now() + seconds)
        .returning(Lease.name)
        .execution_options(synchronize_session=False)
    ).first()
    return taken is not None or _take_first(session, name, owner, seconds)


def _take_first(session: Session, name: str, owner: str, seconds: float) -> bool:
    """Nobody ever held it, or somebody holds it now: the primary key tells which."""
    try:
        with session.begin_nested():
            session.add(Lease(name=name, owner=owner, until=unix_now() + seconds))
    except IntegrityError:
        return False
    return True
