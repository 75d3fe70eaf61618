"""Deleting old rows."""

from typing import Any, cast

from sqlalchemy import CursorResult, and_, delete, or_
from sqlalchemy.orm import Session

from storage import classes, homes, seen_requests, shares
from storage.engine import unix_now
from storage.lease_models import Lease
from storage.models import Binder, OutboxMessage
from storage.vocabulary import OutboxState, Status

HOME_SECONDS = 24 * 3600.0
"""How long a Home tab is kept up to date after its last visit. Whoever opens it later gets it anew."""


def prune(session: Session, *, older_than: float) -> int:
    """Delete what is over for more than `older_than` seconds: binders, classes, settled messages, leases.

    The audit has a time of its own: `storage.audit.forget`. Returns how many rows went.
    """
    horizon = unix_now() - older_than
    gone = and_(Binder.status == Status.GONE, Binder.gone_at < horizon)
    alerts = and_(
        OutboxMessage.binder_id.is_(None),
        OutboxMessage.created_at < horizon,
        or_(OutboxMessage.state == OutboxState.DONE, OutboxMessage.state == OutboxState.DEAD),
    )
    # Without an owner, it is the note of when something began.
    ended = and_(Lease.owner.is_not(None), Lease.until < horizon)
    classes.forget(session, older_than=older_than)
    shares.forget_unused(session)
    homes.forget(session, older_than=HOME_SECONDS)
    seen_requests.forget(session)
    statements = (
        delete(OutboxMessage).where(alerts),
        delete(Binder).where(gone),
        delete(Lease).where(ended),
    )
    results = [session.execute(each.execution_options(synchronize_session=False)) for each in statements]
    return sum(cast("CursorResult[Any]", result).rowcount for result in results)
