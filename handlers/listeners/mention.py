"""`@Binder stop` in a binder's thread, where slash commands do not work; and anywhere else."""

import re

from slack_bolt import App, Args

from handlers.listeners.errors import answered
from handlers.listeners.replies import reply, requester_of
from handlers.requests import subcommands
from handlers.requests.context import Context

_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")


def register(app: App, context: Context) -> None:
    """Listen to mentions."""

    @app.event("app_mention")
    @answered
    def on_mention(args: Args) -> None:
        requester = requester_of(args.context, args.body, f"event:{args.body['event_id']}")
        text = _addressed(str(args.body["event"].get("text") or ""), args.context.bot_user_id)
        answer = subcommands.answer(context, requester, text)
        if answer is not None:
            reply(args.context, args.body, answer)


def _addressed(text: str, bot: str | None) -> str:
    """What is said to the bot: without its name, and without other names that are beside the point."""
    said = _MENTION.sub(lambda found: " " if bot in {None, found[1]} else found[0], text)
    return said if subcommands.names_people(said) else _MENTION.sub(" ", text)
