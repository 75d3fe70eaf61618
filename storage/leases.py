"""Work that one replica at a time does."""

from collections.abc import Collection

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from storage.engine import insert_into, unix_now
from storage.lease_models import Lease


def take(session: Session, name: str, owner: str, seconds: float) -> bool:
    """Take or renew a lease by name; False while somebody else holds it.

    Args:
        session: An open write transaction.
        name: What is done under it.
        owner: Who does it.
        seconds: For how long, by the database's clock.
    """
    until = unix_now() + seconds
    insert = insert_into(session, Lease).values(name=name, owner=owner, until=until)
    taken = insert.on_conflict_do_update(
        index_elements=["name"],
        set_={"owner": owner, "until": until},
        where=or_(Lease.owner == owner, Lease.until <= unix_now()),
    ).returning(Lease.name)
    return session.scalar(taken) is not None


def held(session: Session, names: Collection[str]) -> set[str]:
    """Of these names, those that are leased now."""
    return set(session.scalars(select(Lease.name).where(Lease.name.in_(names), Lease.until > unix_now())))


def release(session: Session, name: str, owner: str) -> None:
    """Hand a lease back; one that somebody else took meanwhile stays theirs."""
    session.execute(delete(Lease).where(Lease.name == name, Lease.owner == owner))


def begin(session: Session, name: str) -> tuple[float, float]:
    """Note when something began, unless it is noted already.

    Returns:
        When it began, and now: Unix seconds, UTC, by the database's clock.
    """
    now = unix_now()
    insert = insert_into(session, Lease).values(name=name, owner=None, until=now)
    session.execute(insert.on_conflict_do_nothing(index_elements=["name"]))
    began, at = session.execute(select(Lease.until, now).where(Lease.name == name)).one()
    return float(began), float(at)


def finish(session: Session, name: str) -> float | None:
    """Forget that something began; when it did, or None where that was not noted."""
    began = session.scalar(delete(Lease).where(Lease.name == name).returning(Lease.until))
    return None if began is None else float(began)
