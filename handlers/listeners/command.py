"""`/binder`."""

from slack_bolt import App, Args

from handlers import ids
from handlers.listeners.errors import answered
from handlers.listeners.form import open_form
from handlers.listeners.replies import reply, requester_of
from handlers.listeners.share_form import open_share_form
from handlers.requests import subcommands
from handlers.requests.context import Context
from handlers.requests.lookup import by_name


def register(app: App, context: Context) -> None:
    """Listen to the command."""

    @app.command(ids.COMMAND)
    @answered
    def on_command(args: Args) -> None:
        text = str(args.body.get("text") or "")
        requester = requester_of(args.context, args.body, f"command:{args.body['trigger_id']}")
        if subcommands.asks_for_form(text):
            args.ack()
            open_form(args, context, requester)
            return
        if (name := subcommands.asks_to_share(text)) is not None:
            lookup = by_name(context, requester, name, "share")
            open_share_form(args, context, requester, lookup)
            return
        answer = subcommands.answer(context, requester, text)
        if answer is None:
            args.ack()
        else:
            reply(args.context, args.body, answer)
