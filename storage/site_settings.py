"""What admins set in Slack, in effect on all replicas at once. Within the caller's transaction."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from storage import audit
from storage.admin_models import SiteSetting
from storage.engine import insert_into, unix_now


def get(session: Session, name: str) -> SiteSetting | None:
    """A setting, with who made it and when; None where nobody did."""
    return session.get(SiteSetting, name, populate_existing=True)


def put(session: Session, name: str, value: Mapping[str, Any], *, by: str) -> None:
    """Make a setting, or change it."""
    made = {"value": dict(value), "set_by": by, "set_at": unix_now()}
    row = insert_into(session, SiteSetting).values(name=name, **made)
    session.execute(row.on_conflict_do_update(index_elements=["name"], set_=made))
    audit.record(session, by, "set", None, setting=name, **value)


def remove(session: Session, name: str, *, by: str) -> bool:
    """Take a setting back. False where there is none."""
    gone = delete(SiteSetting).where(SiteSetting.name == name).returning(SiteSetting.name)
    was_there = session.scalar(gone) is not None
    if was_there:
        audit.record(session, by, "unset", None, setting=name)
    return was_there
