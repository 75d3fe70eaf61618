"""The buttons of admins. Anybody can forge one: whether the one who clicks may, the table of rules says."""

from slack_bolt import App, Args

from handlers import ids
from handlers.listeners.buttons import requester_of_click
from handlers.listeners.errors import answered
from handlers.listeners.replies import reply
from handlers.requests import admin
from handlers.requests.context import Context


def register(app: App, context: Context) -> None:
    """Listen to all of them."""

    @app.action(ids.ADMIN_PAGE)
    @answered
    def on_page(args: Args) -> None:
        args.ack()
        found = ids.ADMIN_PAGE.fullmatch(str(args.payload["action_id"]))
        number = int(found[1]) if found else 0
        reply(args.context, args.body, admin.page(context, requester_of_click(args), number))

    @app.action(ids.ADMIN_ANNOUNCE)
    @answered
    def on_announce(args: Args) -> None:
        args.ack()
        value = str(args.payload.get("value") or "")
        reply(args.context, args.body, admin.post_announcement(context, requester_of_click(args), value))
