"""Saving work: delivers archives of what was changed in a binder to its thread.

It has a thread of its own: collecting the files may take minutes, and no message should wait for that.
"""

from collections.abc import Callable
from typing import ClassVar

from sqlalchemy.orm import Session

from bot.errors import ServerError
from bot.saved_work.archive import Archive
from handlers.outbox.uploads import Uploads
from handlers.outbox.worker import OutboxWorker
from handlers.slack.calls import Uncertain
from storage import binders, outbox
from storage.engine import Store
from storage.models import Binder
from storage.outbox import Owed
from storage.vocabulary import MessageKind

Collect = Callable[[Binder], Archive | None]
"""Collects what was changed; None if nothing was. Raises ServerError if the server does not answer."""
_TRIES = 3
"""How often a server is asked that does not answer, before the thread is told."""


class Archives(OutboxWorker):
    """Delivers archives.

    Args:
        store: Where the outbox is.
        collect: How changes are collected.
        uploads: How they get to Slack.
    """

    archives: ClassVar[bool] = True
    lease: ClassVar[float] = 600.0

    def __init__(self, store: Store, collect: Collect, uploads: Uploads) -> None:
        super().__init__(store)
        self._collect = collect
        self._uploads = uploads

    def _send(self, owed: Owed, now: float) -> None:
        binder, message = owed.binder, owed.message
        if binder is None:
            self._done(owed)
            return
        try:
            archive = self._collect(binder)
        except ServerError as error:
            if message.attempts + 1 < _TRIES:
                raise Uncertain(error.sentence) from error
            self._say(owed, binder, _not_saved(binder, error.sentence))
            return
        if archive is None:
            self._say(owed, binder, f"No files were changed in {binder.name} since it was launched.")
            return
        since = message.created_at if message.unsure else None
        ts = self._uploads.send(binder, archive, message.key, caller=message.id, unsure_since=since)
        with self._store.write() as session:
            binders.note_saved(session, binder.id, at=now)
            outbox.done(session, message, ts=ts)

    def _say(self, owed: Owed, binder: Binder, sentence: str) -> None:
        """Owe the thread a sentence instead of an archive."""
        with self._store.write() as session:
            self._owe(session, owed, binder, sentence)
            outbox.done(session, owed.message)

    def _owe(self, session: Session, owed: Owed, binder: Binder, sentence: str) -> None:
        outbox.say(session, MessageKind.NOTE, f"note:{owed.message.key}"[:255], binder.id, sentence=sentence)

    def _given_up(self, session: Session, owed: Owed) -> None:
        """Tell the thread that it did not work."""
        if owed.binder is not None:
            self._owe(session, owed, owed.binder, _not_saved(owed.binder, "Slack does not accept the file."))


def _not_saved(binder: Binder, why: str) -> str:
    return f"The changes in {binder.name} could not be saved. {why}"
