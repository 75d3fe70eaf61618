"""`/binder`."""

from slack_bolt import App, Args

from handlers import ids
from handlers.listeners.errors import answered
from handlers.listeners.replies import requester_of
from handlers.listeners.typed_text import obey
from handlers.requests.context import Context


def register(app: App, context: Context) -> None:
    """Listen to the command."""

    @app.command(ids.COMMAND)
    @answered
    def on_command(args: Args) -> None:
        text = str(args.body.get("text") or "")
        requester = requester_of(args.context, args.body, f"command:{args.body['trigger_id']}")
        obey(args, context, requester, text)
