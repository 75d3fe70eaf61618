"""Which signed requests of Slack were taken already, by any replica."""

from collections.abc import Collection

from sqlalchemy import delete
from sqlalchemy.orm import Session

from storage.engine import insert_into, unix_now
from storage.lease_models import SeenRequest

REMEMBERED_SECONDS = 1800.0
"""Slack signs for five minutes, and delivers an event again after up to six."""


def take(session: Session, keys: Collection[str]) -> set[str]:
    """Note keys, of at most 80 letters each; those that nobody had noted before.

    Args:
        session: An open write transaction.
        keys: What identifies a request: its signature, the id of its event.
    """
    rows = [{"key": each, "at": unix_now()} for each in sorted(keys)]
    insert = insert_into(session, SeenRequest).values(rows)
    taken = insert.on_conflict_do_nothing(index_elements=["key"]).returning(SeenRequest.key)
    return set(session.scalars(taken))


def give_back(session: Session, key: str) -> None:
    """Let a request be taken again: it could not be answered."""
    session.execute(delete(SeenRequest).where(SeenRequest.key == key))


def forget(session: Session) -> None:
    """Delete what is too old to come again."""
    session.execute(delete(SeenRequest).where(SeenRequest.at < unix_now() - REMEMBERED_SECONDS))
