"""The form of *Share*: opened by a button, and sent. Its groups are suggested while somebody types."""

from slack_bolt import App, Args

from handlers import ids
from handlers.listeners.binder_form import answer_form
from handlers.listeners.errors import answered
from handlers.listeners.replies import is_in_more, requester_of
from handlers.messages.share_fields import USERS, group_options, read_shares
from handlers.requests import sharing
from handlers.requests.context import Context
from handlers.requests.requester import BinderLookup, Requester


def register(app: App, context: Context) -> None:
    """Listen to the form."""

    @app.view(ids.SHARE_FORM)
    @answered
    def on_form(args: Args) -> None:
        answer_form(
            args,
            context,
            USERS,
            lambda requester, lookup, values: sharing.change(context, requester, lookup, read_shares(values)),
        )

    @app.options(ids.GROUPS)
    def on_groups(args: Args) -> None:
        groups = context.slow.groups.known(requester_of(args.context, args.body, "").team_id) or {}
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
