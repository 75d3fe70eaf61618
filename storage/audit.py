"""Who did what, in order. Written in the transaction of the change."""

from typing import Any

from sqlalchemy.orm import Session

from storage.engine import unix_now
from storage.models import Audit


def record(session: Session, actor: str, event: str, binder_id: str | None, **detail: Any) -> None:
    """Note one action; `detail` holds no secrets."""
    session.add(Audit(at=unix_now(), actor=actor, event=event, binder_id=binder_id, detail=detail))
    session.flush()
