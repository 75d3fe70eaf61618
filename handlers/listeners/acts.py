"""Who asks, from where, by what: an act for the audit, recorded after the answer."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog
from slack_bolt import Args

from handlers.listeners.readers import CONTEXT
from handlers.requests.context import Context
from storage import audit
from storage.audit import Act

log = structlog.get_logger(__name__)

_WAYS: Mapping[str, str] = {
    "block_actions": "button",
    "view_submission": "form",
    "shortcut": "shortcut",
    "message_action": "shortcut",
    "app_mention": "mention",
    "message": "direct message",
    "app_home_opened": "home tab",
}


@contextmanager
def acting(args: Args) -> Iterator[None]:
    """Do a request as an act. What it did not record itself is recorded once it is answered.

    By then it is acknowledged: nobody waits for that.
    """
    with audit.acting(act_of(args)) as act:
        yield
        if act.is_to_be_settled:
            _settle(args.context[CONTEXT], act)


def act_of(args: Args) -> Act:
    """Who asks for something, and how."""
    team_id = args.context.team_id or args.context.enterprise_id
    return Act(args.context.user_id or "", team_id, args.context.channel_id, way_of(args.body))


def way_of(body: Mapping[str, Any]) -> str:
    """How it is asked for, in one word such as `command` or `button`; empty where nobody asks."""
    if "command" in body:
        return "command"
    kind = str(body.get("type") or "")
    if kind == "event_callback":
        kind = str((body.get("event") or {}).get("type") or "")
    return _WAYS.get(kind, "")


def _settle(context: Context, act: Act) -> None:
    try:
        with context.store.write() as session:
            audit.settle(session, act)
    except Exception:  # it was answered all the same
        log.exception("act_not_recorded", event_of_act=act.event)
