"""Telling the operators when the cloud has not answered for too long, and when it answers again."""

import structlog

from bot.errors import CloudError
from storage import leases, outbox
from storage.engine import Store
from storage.vocabulary import MessageKind

log = structlog.get_logger(__name__)

_NAME = "cloud is silent"


class OutageAlert:
    """Counts how long the cloud does not answer, for all replicas together: the start is in the database.

    Args:
        store: Where the start is kept, so that one replica tells each outage, once.
        alert_seconds: How long an outage lasts before it is told.
    """

    def __init__(self, store: Store, alert_seconds: float) -> None:
        self._store = store
        self._alert_seconds = alert_seconds
        self._is_well = False

    def failed(self, error: CloudError) -> None:
        """Note that the cloud did not answer."""
        log.warning("cloud_silent", error=error.sentence)
        self._is_well = False
        with self._store.write() as session:
            since, now = leases.begin(session, _NAME)
            if now - since >= self._alert_seconds:
                sentence = f"The cloud has not answered for a while: {error.sentence}"
                outbox.say(session, MessageKind.ALERT, _key(since), None, sentence=sentence)

    def recovered(self) -> None:
        """Note that the cloud answered. Writes only after an outage, or at the start of a process."""
        if self._is_well:
            return
        with self._store.write() as session:
            since = leases.finish(session, _NAME)
            if since is not None and outbox.is_owed(session, _key(since)):
                sentence = "The cloud answers again."
                outbox.say(session, MessageKind.ALERT, f"back:{_key(since)}", None, sentence=sentence)
        self._is_well = True


def _key(since: float) -> str:
    return f"silent:{int(since)}"
