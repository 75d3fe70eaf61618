"""Files: delivers archives of what was changed in a binder to its thread, and logs to who asks for them.

It has a thread of its own: collecting the files may take minutes, and no message should wait for that.
"""

from collections.abc import Callable
from datetime import UTC
from typing import ClassVar

import structlog
from sqlalchemy.orm import Session

from bot.errors import CloudError, ServerError
from bot.saved_work.archive import Archive
from handlers.messages.language import language_of, reading
from handlers.messages.log_text import log_file_comment
from handlers.outbox.reports import Reports
from handlers.outbox.uploads import SharedFile, Uploads
from handlers.outbox.worker import OutboxWorker
from handlers.slack.calls import Uncertain
from handlers.slack.profiles import english
from storage import binders, outbox
from storage.engine import Store
from storage.models import Binder
from storage.outbox import Owed
from storage.vocabulary import MessageKind

log = structlog.get_logger(__name__)

Collect = Callable[[Binder], Archive | None]
"""Collects what was changed; None if nothing was. Raises ServerError if the server does not answer."""
ReadLog = Callable[[str], bytes]
"""Reads the whole log of a binder of that id: see `Cloud.read_log`."""
_TRIES = 3
"""How often a server is asked that does not answer, before the thread is told."""


def _no_log(_binder_id: str) -> bytes:
    """Where no cloud has logs: the end of the log is in the binder's row."""
    return b""


class Archives(OutboxWorker):
    """Delivers archives.

    Args:
        store: Where the outbox is.
        collect: How changes are collected.
        uploads: How they get to Slack.
        read_log: Reads whole logs.
        reports: Makes the files of admins.
        known_locale: Tells a person's locale (`de-DE`), if it is known.
    """

    archives: ClassVar[bool] = True
    lease: ClassVar[float] = 600.0

    def __init__(
        self,
        store: Store,
        collect: Collect,
        uploads: Uploads,
        read_log: ReadLog = _no_log,
        *,
        reports: Reports | None = None,
        known_locale: Callable[[str, str], str | None] = english,
    ) -> None:
        super().__init__(store)
        self._reports = reports or Reports(store, UTC)
        self._known_locale = known_locale
        self._collect = collect
        self._uploads = uploads
        self._read_log = read_log

    def _send(self, owed: Owed, now: float) -> None:
        if owed.message.kind == MessageKind.REPORT:
            self._send_report(owed)
        elif owed.binder is None:
            self._done(owed)
        elif owed.message.kind == MessageKind.LOG:
            self._send_log(owed, owed.binder)
        else:
            self._send_archive(owed, owed.binder, now)

    def _send_log(self, owed: Owed, binder: Binder) -> None:
        """Share the whole log in the direct message of who asked for it."""
        message = owed.message
        data = self._log_of(binder)
        channel = self._uploads.direct(str(message.facts.get("to", "")), binder.team_id, caller=message.id)
        file = SharedFile(f"{binder.name}.log", data, log_file_comment(binder), binder.team_id, channel)
        since = message.created_at if message.unsure else None
        ts = self._uploads.send_file(file, message.key, caller=message.id, unsure_since=since)
        self._done(owed, ts)

    def _send_report(self, owed: Owed) -> None:
        """Share a file in the direct message of the admin who asked for it, in their language."""
        message = owed.message
        to, team_id = (str(message.facts.get(name, "")) for name in ("to", "team"))
        with reading(language_of(self._known_locale(team_id, to))):
            report = self._reports.make(message.facts)
        channel = self._uploads.direct(to, team_id, caller=message.id)
        file = SharedFile(report.name, report.data, report.comment, team_id, channel)
        since = message.created_at if message.unsure else None
        self._done(owed, self._uploads.send_file(file, message.key, caller=message.id, unsure_since=since))

    def _log_of(self, binder: Binder) -> bytes:
        """The whole log, or as much of it as was reported."""
        try:
            whole = self._read_log(binder.id)
        except CloudError as error:
            log.warning("log_not_read", error=error.sentence)
            whole = b""
        return whole or binder.log.encode()

    def _send_archive(self, owed: Owed, binder: Binder, now: float) -> None:
        message = owed.message
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
        """Tell the thread that it did not work. A log was asked for by one person: nobody else is told."""
        if owed.binder is not None and owed.message.kind == MessageKind.ARCHIVE:
            self._owe(session, owed, owed.binder, _not_saved(owed.binder, "Slack does not accept the file."))


def _not_saved(binder: Binder, why: str) -> str:
    return f"The changes in {binder.name} could not be saved. {why}"
