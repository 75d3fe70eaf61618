"""`/binder`, and the same words after a mention."""

from slack_bolt import App, Args

from bot.errors import RequestError
from bot.repositories.launch_text import parse_launch
from bot.text import readable
from bot.times import phrases
from handlers import ids
from handlers.listeners.errors import answered
from handlers.listeners.replies import reply, requester_of
from handlers.messages import messages
from handlers.messages.forms import Origin, launch_form
from handlers.messages.messages import Message
from handlers.requests import launches, operations, requester, subcommands
from handlers.requests.context import Context
from handlers.requests.requester import Requester

BINDER_COMMANDS = {
    "stop": operations.stop,
    "save": operations.save,
    "shelve": operations.shelve,
    "resume": operations.resume,
    "open": operations.open_links,
    "status": operations.status,
    "logs": operations.logs,
}
"""The subcommands that are about one binder."""


def register(app: App, context: Context) -> None:
    """Listen to the command."""

    @app.command(ids.COMMAND)
    @answered
    def on_command(args: Args) -> None:
        text = str(args.body.get("text") or "")
        who = requester_of(args.context, args.body, f"command:{args.body['trigger_id']}")
        if subcommands.split(text) == ("launch", ""):
            args.ack()
            origin = Origin(who.channel, who.response_url)
            view = launch_form(launches.sizes_for(context, who.user), origin)
            args.client.views_open(trigger_id=args.body["trigger_id"], view=view)
            return
        answer = dispatch(context, who, text)
        if answer is None:
            args.ack()
        else:
            reply(args.context, args.body, answer)


def dispatch(context: Context, who: Requester, text: str) -> Message | None:
    """Do what the words say.

    Returns:
        The answer for the requester_of; None where something will be posted soon that is answer enough.

    Raises:
        RequestError: It cannot be done, with the sentence that says why.
    """
    word, rest = subcommands.split(text)
    if subcommands.asks_for_help(word, rest):
        return messages.help_text()
    if word in BINDER_COMMANDS:
        return BINDER_COMMANDS[word](context, who, requester.by_name(who, rest, word))
    if word == "extend":
        name, span = phrases.split(rest)
        return operations.extend(context, who, requester.by_name(who, name, word), span)
    if word == "list":
        return operations.listing(context, who)
    if word == "launch":
        return _launch(context, who, rest)
    return messages.not_understood(readable(text), subcommands.correction(text))


def _launch(context: Context, who: Requester, rest: str) -> Message | None:
    if not rest:
        raise RequestError("Which repository?", hint=f"For example: `{ids.COMMAND} launch owner/repo`")
    return launches.launch(context, who, parse_launch(rest))
