"""What of all that people ask counts as an act: the audit says who asked for it, and what became of it.

A change is recorded by `storage` in its own transaction. Here, a request says what it is about, so that
whoever answers it can also record that it was refused (`handlers.listeners.acts`). What is only looked at is
no act, but for what opens a server: links and logs.
"""

from collections.abc import Mapping

from bot import logs
from handlers.rules import Action
from storage import audit

EVENTS: Mapping[Action, str] = {
    Action.READ_LOG: "logs",
    Action.LAUNCH_AGAIN: "launch",
    Action.OPEN: "open",
    Action.EXTEND: "keep",
    Action.SAVE: "save",
    Action.SHELVE: "shelve",
    Action.RESUME: "resume",
    Action.STOP: "end",
    Action.APPROVE: "approve",
    Action.DENY: "deny",
    Action.HOLD: "hold",
    Action.SHARE: "share",
    Action.ASK_FOR_HELP: "ask for help",
}
"""The word of the audit for each action that counts. The others only look."""


def begin(action: Action | None) -> None:
    """Say which action is asked for."""
    if action is not None and action in EVENTS:
        name(EVENTS[action])


def name(event: str, *, binder_id: str | None = None, class_id: str | None = None) -> None:
    """Say what is asked for, and with what."""
    act = audit.current()
    act.event = event
    act.binder_id = binder_id or act.binder_id
    act.class_id = class_id or act.class_id


def found(binder_id: str) -> None:
    """Say which binder is meant, once that is known."""
    audit.current().binder_id = binder_id


def owe() -> None:
    """Say that this counts although it changes nothing."""
    audit.current().is_owed = True


def refuse(sentence: str) -> None:
    """Say why it is refused, where the answer is no error of the listener."""
    audit.current().refusal = logs.masked(sentence)


def fail(sentence: str) -> None:
    """Say that it failed."""
    audit.current().failure = logs.masked(sentence)
