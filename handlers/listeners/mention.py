"""`@Binder stop` in a binder's thread, where slash commands do not work; and anywhere else."""

import re

from slack_bolt import App, Args

from handlers.listeners.errors import answered
from handlers.listeners.replies import reply, requester_of
from handlers.requests import subcommands
from handlers.requests.context import Context

_MENTION = re.compile(r"<@[UW][A-Z0-9]+(?:\|[^>]*)?>")


def register(app: App, context: Context) -> None:
    """Listen to mentions."""

    @app.event("app_mention")
    @answered
    def on_mention(args: Args) -> None:
        requester = requester_of(args.context, args.body, f"event:{args.body['event_id']}")
        text = _MENTION.sub(" ", str(args.body["event"].get("text") or ""))
        answer = subcommands.answer(context, requester, text)
        if answer is not None:
            reply(args.context, args.body, answer)
