"""What the forms about one binder share: its id is in the form, and a refusal is shown at a field."""

from collections.abc import Callable
from typing import Any

from slack_bolt import Args

from bot.errors import BinderBotError
from handlers.listeners.replies import reply, requester_of
from handlers.messages import forms
from handlers.messages.message import Message
from handlers.requests import audited
from handlers.requests.context import Context
from handlers.requests.lookup import by_id
from handlers.requests.requester import BinderLookup, Requester

Answer = Callable[[Requester, BinderLookup, dict[str, Any]], Message]
"""Does what the form asks for, with what was entered; raises `BinderBotError`."""


def answer_form(args: Args, context: Context, field: str, answer: Answer) -> None:
    """Answer a form that was sent.

    Args:
        args: Of the listener.
        context: What requests need.
        field: The block at which a refusal is shown.
        answer: Does what is asked for.
    """
    view = args.body["view"]
    requester = requester_of(args.context, args.body, f"view:{view['id']}")
    lookup = by_id(context, requester, str(view["private_metadata"]))
    try:
        said = answer(requester, lookup, view["state"]["values"])
    except BinderBotError as error:
        audited.refuse(error.sentence)
        args.ack(response_action="errors", errors={field: forms.without_markup(error)})
    else:
        args.ack()
        reply(args.context, args.body, said)
