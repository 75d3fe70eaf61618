"""What people say to the bot: `@Binder stop` in channels and threads, and the same words in a direct message.

Slash commands do not work in threads, and in a direct message nobody else is meant.
"""

import re

from slack_bolt import App, Args

from handlers import messages
from handlers.listeners.errors import answered
from handlers.listeners.replies import reply, requester_of
from handlers.requests import subcommands
from handlers.requests.context import Context

_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")


def register(app: App, context: Context) -> None:
    """Listen to mentions and direct messages."""

    @app.event("app_mention")
    @answered
    def on_mention(args: Args) -> None:
        _answer(args, context)

    @app.event("message")
    @answered
    def on_message(args: Args) -> None:
        if _is_said_to_us(args):
            _answer(args, context)


def _is_said_to_us(args: Args) -> bool:
    """Whether a person wrote a direct message: no edit, no file without words, nothing that a bot wrote."""
    event = args.body["event"]
    is_direct = event.get("channel_type") == "im" or str(event.get("channel") or "").startswith("D")
    is_by_person = "bot_id" not in event and "subtype" not in event and event.get("user")
    return bool(is_direct and is_by_person and str(event.get("text") or "").strip())


def _answer(args: Args, context: Context) -> None:
    requester = requester_of(args.context, args.body, f"event:{args.body['event_id']}")
    text = _addressed(str(args.body["event"].get("text") or ""), args.context.bot_user_id)
    if subcommands.asks_for_form(text):  # only a button may open it
        reply(args.context, args.body, messages.form_offer())
        return
    answer = subcommands.answer(context, requester, text)
    if answer is not None:
        reply(args.context, args.body, answer)


def _addressed(text: str, bot: str | None) -> str:
    """What is said to the bot: without its name, and without other names that are beside the point."""
    said = _MENTION.sub(lambda found: " " if bot in {None, found[1]} else found[0], text)
    return said if subcommands.names_people(said) else _MENTION.sub(" ", text)
