"""`binder-bot audit`: who did what, from where, and what became of it, for other programs."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

from bot.config import Settings
from bot.errors import ConfigError
from storage import audit
from storage.audit import AuditFilter
from storage.audit_models import Audit
from storage.engine import Store


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
    with closing(Store(settings.database_url)) as store:
        store.migrate()
        with store.read() as session:
            yield from map(as_json, audit.stream(session, wanted))


def as_json(row: Audit) -> str:
    """One row as one line of JSON; what is not known is left out."""
    said = {
        "at": datetime.fromtimestamp(row.at, UTC).isoformat(timespec="milliseconds"),
        "actor": row.actor,
        "event": row.event,
        "result": str(row.result),
        "sentence": row.sentence,
        "binder": row.binder_id,
        "class": row.class_id,
        "setting": row.setting,
        "way": row.way,
        "channel": row.channel,
        "team": row.team_id,
        "detail": row.detail,
    }
    return json.dumps({name: value for name, value in said.items() if value}, ensure_ascii=False)


def _moment(settings: Settings, since: str | None) -> float:
    if since is None:
        return 0.0
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        raise ConfigError(f"“{since}” is no day. A valid one is 2026-11-01.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=settings.zone)).timestamp()
