"""One process of the bot among others, and how a newer version takes over from an older one.

A newer version that starts asks the older ones to end, waits for that, and then changes the tables. So no
process ever works with tables that it does not know, however replicas are replaced.
"""

import time
from collections.abc import Callable

import structlog
from sqlalchemy.orm import Session

from storage import replicas, schema
from storage.engine import Store
from storage.errors import StoreError

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 90.0
"""How long a newer version waits for older ones: longer than one that was killed counts as being at work."""
_POLL_SECONDS = 0.5


def take_over(store: Store, *, seconds: float = PATIENCE_SECONDS) -> None:
    """Bring the tables to this version, once no older version is at work on them.

    Args:
        store: The database.
        seconds: How long to wait for replicas of older versions, which are asked to end.

    Raises:
        StoreError: They still run, or the tables belong to a newer version.
    """
    deadline = time.monotonic() + seconds
    while older := _older(store):
        if time.monotonic() > deadline:
            raise StoreError(
                f"Replicas of an older version still run: {', '.join(older)}.",
                hint="Stop them, and start this one again: it changes the tables of the database.",
            )
        log.info("waiting_for_older_replicas", replicas=older)
        time.sleep(_POLL_SECONDS)
    store.migrate()


def _older(store: Store) -> list[str]:
    if not _needs_migration(store):
        return []
    with store.write() as session:
        replicas.ask_older_to_end(session, schema.newest())
        return list(replicas.older(session, schema.newest()))


def _needs_migration(store: Store) -> bool:
    """Whether there are tables, and they are older ones."""
    with store.snapshot() as connection:
        return schema.revision_of(connection) not in {None, schema.newest()}


class Replica:
    """This process, as others know of it.

    Args:
        store: The database.
        worker: This process's name on leases.
        end: Called once when a newer version wants to take over.
        revision: Of the tables that it knows.
    """

    def __init__(
        self, store: Store, worker: str, end: Callable[[], object], revision: str | None = None
    ) -> None:
        self._store, self._worker, self._end = store, worker, end
        self._revision = revision or schema.newest()
        self._is_told = False

    def report(self) -> None:
        """Say that it is at work, and end it where a newer version waits for that."""
        with self._store.write() as session:
            replicas.report(session, self._worker, self._revision)
            is_asked = replicas.is_asked_to_end(session, self._revision) or self._has_changed_tables(session)
        if is_asked and not self._is_told:
            self._is_told = True
            log.warning("newer_version_takes_over")
            self._end()

    def _has_changed_tables(self, session: Session) -> bool:
        """Whether a newer version did not wait, because this process stood still for too long."""
        return schema.revision_of(session.connection()) != self._revision

    def leave(self) -> None:
        """Say that it ends."""
        with self._store.write() as session:
            replicas.leave(session, self._worker, self._revision)
