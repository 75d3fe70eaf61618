"""*Deny* below a question to the admins, and the form that asks why. *Approve* is a button like others."""

from slack_bolt import App, Args

from bot.errors import BinderBotError
from handlers import ids
from handlers.listeners.buttons import requester_of_click
from handlers.listeners.errors import answered
from handlers.listeners.replies import reply, requester_of
from handlers.messages import forms
from handlers.messages.approval_text import REASON
from handlers.requests import approvals
from handlers.requests.context import Context
from handlers.requests.launch_form import entered
from handlers.requests.lookup import by_id


def register(app: App, context: Context) -> None:
    """Listen to both."""

    @app.action(ids.DENY)
    @answered
    def on_deny(args: Args) -> None:
        args.ack()
        requester = requester_of_click(args)
        lookup = by_id(context, requester, str(args.payload.get("value")))
        view = approvals.deny_form(context, requester, lookup)
        args.client.views_open(trigger_id=args.body["trigger_id"], view=view)

    @app.view(ids.DENY_FORM)
    @answered
    def on_form(args: Args) -> None:
        view = args.body["view"]
        requester = requester_of(args.context, args.body, f"view:{view['id']}")
        lookup = by_id(context, requester, str(view["private_metadata"]))
        try:
            answer = approvals.deny(context, requester, lookup, entered(view["state"]["values"], REASON))
        except BinderBotError as error:
            args.ack(response_action="errors", errors={REASON: forms.without_markup(error)})
        else:
            args.ack()
            reply(args.context, args.body, answer)
