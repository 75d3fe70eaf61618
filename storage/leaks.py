"""What was seen in the cloud although it belongs to no binder."""

from collections.abc import Collection

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from storage.engine import unix_now
from storage.lease_models import Sighting


def confirm(session: Session, binder_ids: Collection[str], *, twice_after: float) -> set[str]:
    """Note what a sweep saw, and return the leaks: what was first seen at least `twice_after` seconds ago.

    What is seen no more is forgotten, so that two sightings are of one and the same leak.
    """
    session.execute(delete(Sighting).where(Sighting.binder_id.not_in(binder_ids)))
    known = set(session.scalars(select(Sighting.binder_id)))
    session.add_all(Sighting(binder_id=each, first_seen=unix_now()) for each in set(binder_ids) - known)
    session.flush()
    certain = Sighting.first_seen <= unix_now() - twice_after
    return set(session.scalars(select(Sighting.binder_id).where(certain)))
