"""Slack's side: listeners that validate, write a row and ack; and all that a person reads."""

from slack_bolt import App

from handlers import actions, commands, errors, home, mentions, middleware, views
from handlers.context import Context

__all__ = ["Context", "register"]


def register(app: App, context: Context) -> None:
    """Have an app listen to everything that the bot answers."""
    middleware.register(app, context.pulse)
    errors.register(app)
    for listeners in (commands, actions, views, mentions, home):
        listeners.register(app, context)
