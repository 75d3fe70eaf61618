"""The buttons of classes. Their values say which is meant; whether the one who clicks may, the row says."""

from collections.abc import Callable, Mapping

from slack_bolt import App, Args

from handlers import ids
from handlers.listeners.buttons import requester_of_click
from handlers.listeners.errors import answered
from handlers.listeners.replies import reply
from handlers.messages.message import Message
from handlers.requests import classes
from handlers.requests.classes import ClassLookup
from handlers.requests.context import Context
from handlers.requests.requester import Requester

CLASS_BUTTONS: Mapping[str, Callable[[Context, Requester, ClassLookup], Message]] = {
    ids.CLASS_JOIN: classes.join,
    ids.CLASS_STATUS: classes.status,
    ids.CLASS_EXTEND: classes.extend,
    ids.CLASS_END: classes.end,
}


def register(app: App, context: Context) -> None:
    """Listen to all of them."""
    for action_id in CLASS_BUTTONS:
        app.action(action_id)(_listener(context, action_id))


def _listener(context: Context, action_id: str) -> Callable[[Args], None]:
    @answered
    def on_click(args: Args) -> None:
        args.ack()
        requester = requester_of_click(args)
        lookup = classes.by_id(context, requester, str(args.payload.get("value")))
        reply(args.context, args.body, CLASS_BUTTONS[action_id](context, requester, lookup))

    return on_click
