"""`binder-bot audit`: who did what, from where, and what became of it, for other programs."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime

from bot.config import Settings
from bot.errors import ConfigError
from bot.wiring import open_store
from storage import audit
from storage.audit import AuditFilter


def lines(settings: Settings, *, since: str | None, user: str | None) -> Iterator[str]:
    """The rows of the audit in their order, each as one line of JSON. They are read as they are written.

    Args:
        settings: Which database, and in which time zone a day begins.
        since: The first day (`2026-11-01`) or moment, in ISO 8601; None for all.
        user: Only what this person did.

    Raises:
        ConfigError: Nobody can tell what day is meant.
        StoreError: There is no such database.
    """
    wanted = AuditFilter(actor=user, since=_moment(settings, since))
    with closing(open_store(settings)) as store:
        store.migrate()
        with store.read() as session:
            yield from map(audit.as_json, audit.stream(session, wanted))


def _moment(settings: Settings, since: str | None) -> float:
    if since is None:
        return 0.0
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        raise ConfigError(f"“{since}” is no day. A valid one is 2026-11-01.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=settings.zone)).timestamp()
