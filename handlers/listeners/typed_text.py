"""A command that somebody typed, or chose a binder for: an answer, or a form."""

from slack_bolt import Args

from handlers.listeners.form import open_form
from handlers.listeners.replies import reply
from handlers.listeners.share_form import open_share_form
from handlers.messages import candidates
from handlers.requests import subcommands
from handlers.requests.context import Context
from handlers.requests.lookup import Ambiguous, by_name
from handlers.requests.requester import Requester
from handlers.rules import Action


def obey(args: Args, context: Context, requester: Requester, text: str) -> None:
    """Do what the words behind `/binder` say; acknowledges them."""
    if subcommands.asks_for_form(text):
        args.ack()
        open_form(args, context, requester)
    elif (name := subcommands.asks_to_share(text)) is not None:
        _open_share_form(args, context, requester, text, name)
    elif (answer := subcommands.answer(context, requester, text)) is not None:
        reply(args.context, args.body, answer)
    else:
        args.ack()


def _open_share_form(args: Args, context: Context, requester: Requester, text: str, name: str) -> None:
    lookup = by_name(context, requester, name, "share", action=Action.SHARE)
    try:
        open_share_form(args, context, requester, lookup)
    except Ambiguous as error:
        question = candidates.which(error.candidates, text, context.store.now(), requester.user)
        reply(args.context, args.body, question)
