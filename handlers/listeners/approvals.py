"""*Deny* below a question to the admins, and the form that asks why. *Approve* is a button like others."""

from slack_bolt import App, Args

from handlers import ids
from handlers.listeners.binder_form import answer_form
from handlers.listeners.buttons import requester_of_click
from handlers.listeners.errors import answered
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
        answer_form(
            args,
            context,
            REASON,
            lambda requester, lookup, values: approvals.deny(
                context, requester, lookup, entered(values, REASON)
            ),
        )
