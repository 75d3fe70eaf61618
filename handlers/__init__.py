"""Slack's side: listeners that validate, write a row and ack; and all that a person reads."""

from slack_bolt import App

from handlers.listeners import (
    admin_buttons,
    approvals,
    buttons,
    class_buttons,
    command,
    errors,
    form,
    home,
    installations,
    links,
    mention,
    middleware,
    share_form,
)
from handlers.requests.context import Context

__all__ = ["Context", "register"]


def register(app: App, context: Context) -> None:
    """Have an app listen to everything that the bot answers."""
    middleware.register(app, context)
    errors.register(app)
    buttoned = (buttons, class_buttons, admin_buttons, approvals)
    for listeners in (command, *buttoned, form, share_form, mention, home, links, installations):
        listeners.register(app, context)
