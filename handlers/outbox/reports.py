"""Files for admins, made when they are delivered: the audit as JSON lines, the costs of a month as CSV."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from bot.binders import costs
from handlers.messages.admin_text import month_of
from handlers.messages.language import translated
from handlers.rules import AdminAction
from storage import audit, past_launches
from storage.audit import AuditFilter
from storage.engine import Store


@dataclass(frozen=True, slots=True)
class Report:
    """A file: its name, and what is in it."""

    name: str
    data: bytes
    comment: str


class Reports:
    """Makes them.

    Args:
        store: Where all is read from.
        zone: By whose clock a month begins.
    """

    def __init__(self, store: Store, zone: tzinfo) -> None:
        self._store = store
        self._zone = zone

    def make(self, facts: Mapping[str, Any]) -> Report:
        """The file that an admin asked for; `facts` are those of its message."""
        if facts.get("what") == AdminAction.COSTS:
            return self._costs(facts)
        return self._audit(facts)

    def _audit(self, facts: Mapping[str, Any]) -> Report:
        wanted = AuditFilter(str(facts.get("team", "")), facts.get("actor"), facts.get("with_binder"))
        with self._store.read() as session:
            lines = "".join(f"{audit.as_json(each)}\n" for each in audit.stream(session, wanted))
        return Report("audit.jsonl", lines.encode(), translated("The audit that you asked for."))

    def _costs(self, facts: Mapping[str, Any]) -> Report:
        period = costs.month(self._store.now(), self._zone, back=int(facts.get("back") or 0))
        with self._store.read() as session:
            ran = past_launches.in_period(session, str(facts.get("team", "")), period.since, period.until)
        table = costs.as_csv(ran, period)
        comment = translated("The costs of {month}.", month=month_of(period))
        return Report(f"costs-{period.name}.csv", table.encode(), comment)
