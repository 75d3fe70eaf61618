"""The form of *Share*: opened by a button, and sent. Its groups are suggested while somebody types."""

from slack_bolt import App, Args

from bot.errors import BinderBotError
from handlers import ids
from handlers.listeners.errors import answered
from handlers.listeners.replies import is_in_more, reply, requester_of
from handlers.messages import forms
from handlers.messages.share_fields import USERS, group_options, read_shares
from handlers.requests import audited, sharing
from handlers.requests.context import Context
from handlers.requests.lookup import by_id
from handlers.requests.requester import BinderLookup, Requester


def register(app: App, context: Context) -> None:
    """Listen to the form."""

    @app.view(ids.SHARE_FORM)
    @answered
    def on_form(args: Args) -> None:
        view = args.body["view"]
        requester = requester_of(args.context, args.body, f"view:{view['id']}")
        lookup = by_id(context, requester, str(view["private_metadata"]))
        try:
            answer = sharing.change(context, requester, lookup, read_shares(view["state"]["values"]))
        except BinderBotError as error:
            audited.refuse(error.sentence)
            args.ack(response_action="errors", errors={USERS: forms.without_markup(error)})
        else:
            args.ack()
            reply(args.context, args.body, answer)

    @app.options(ids.GROUPS)
    def on_groups(args: Args) -> None:
        groups = context.slow.groups.known("") or {}
        args.ack(options=group_options(str(args.payload.get("value") or ""), groups))


def open_share_form(args: Args, context: Context, requester: Requester, lookup: BinderLookup) -> None:
    """Show somebody with whom a binder is shared, to change it.

    Raises:
        BinderBotError: They may not. It is raised before the acknowledgement, which can tell it.
    """
    view = sharing.form(context, requester, lookup)
    args.ack()
    show = args.client.views_push if is_in_more(args.body) else args.client.views_open
    show(trigger_id=args.body["trigger_id"], view=view)
