"""What is done now and then, beside the binders: the weekly digest, the end of a drain, and forgetting."""

from collections.abc import Callable
from datetime import time
from functools import partial
from typing import Any

from bot.binders import digest
from bot.config import Settings
from bot.times.durations import DAY
from storage import audit, draining, launch_times, retention
from storage.engine import Store

DIGEST_SECONDS = 300.0
DRAIN_SECONDS = 5.0
"""Between two looks whether anything runs while the bot is drained."""
FORGET_SECONDS = 3600.0
RETENTION_SECONDS = 63 * 24 * 3600.0
"""How long binders that are gone, and the messages about them, stay in the database: this month, of which the
Home tab says what was used, and the whole month before, of which admins ask what it cost."""
LAUNCH_TIMES_SECONDS = 365 * 24 * 3600.0
"""How long the times of launches stay there."""


class Upkeep:
    """Does it.

    Args:
        settings: When there is a digest, and how long the audit is kept.
        store: The database.
        nudge: Wakes what delivers messages.
    """

    def __init__(self, settings: Settings, store: Store, nudge: Callable[[], None]) -> None:
        self._settings, self._store, self._nudge = settings, store, nudge

    def schedule(self, every: Callable[..., Any]) -> None:
        """Have it done from now on; see `Ticks.every`."""
        every(DRAIN_SECONDS, "drain", self.watch_drain, jitter=DRAIN_SECONDS / 10)
        every(FORGET_SECONDS, "retention", self.forget, jitter=FORGET_SECONDS / 12)
        if when := self._settings.weekly_digest:
            owe = partial(self.owe_digest, when)
            every(DIGEST_SECONDS, "digest", owe, jitter=DIGEST_SECONDS / 10)

    def owe_digest(self, when: tuple[int, time]) -> None:
        """Owe the channels their digest, if it is the weekday and the time for it."""
        now = self._store.now()
        with self._store.write() as session:
            digest.owe(session, now, when, self._settings.zone)

    def watch_drain(self) -> None:
        """Tell who stopped new launches when nothing runs any more."""
        with self._store.read() as session:
            is_to_be_told = draining.is_to_be_told(session)
        if is_to_be_told:
            with self._store.write() as session:
                draining.tell_when_empty(session)
            self._nudge()

    def forget(self) -> None:
        """Delete what is kept no longer."""
        with self._store.write() as session:
            retention.prune(session, older_than=RETENTION_SECONDS)
            launch_times.forget(session, older_than=LAUNCH_TIMES_SECONDS)
            audit.forget(session, before=self._store.now() - DAY * self._settings.audit_days)
