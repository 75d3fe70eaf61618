"""Which signed requests of Slack were taken already, by any replica."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from storage.engine import insert_into, unix_now
from storage.lease_models import SeenRequest

REMEMBERED_SECONDS = 1800.0
"""Slack signs for five minutes, and delivers an event again after up to six."""


def take(session: Session, key: str) -> bool:
    """Note a key of at most 80 letters; False where some replica had noted it before.

    Args:
        session: An open write transaction.
        key: What identifies a request: the id of its event, or else its signature.
    """
    insert = insert_into(session, SeenRequest).values(key=key, at=unix_now())
    taken = insert.on_conflict_do_nothing(index_elements=["key"]).returning(SeenRequest.key)
    return session.scalar(taken) is not None


def give_back(session: Session, key: str) -> None:
    """Let a request be taken again: it could not be answered."""
    session.execute(delete(SeenRequest).where(SeenRequest.key == key))


def forget(session: Session) -> None:
    """Delete what is too old to come again."""
    session.execute(delete(SeenRequest).where(SeenRequest.at < unix_now() - REMEMBERED_SECONDS))
