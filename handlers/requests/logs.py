"""A binder's log, and help with what it tells: for who asks, and in the channel in which people help."""

from bot.errors import RequestError
from bot.sentences import Sentence
from handlers import messages
from handlers.messages import help_request
from handlers.messages.blocks import Json
from handlers.messages.forms import Origin
from handlers.messages.message import Message
from handlers.messages.more import more_view
from handlers.requests.context import Context, offers_of
from handlers.requests.permissions import actions_for, requires
from handlers.requests.requester import BinderLookup, Requester
from handlers.rules import Action, has_failed
from storage import audit, outbox, shares
from storage.models import Binder
from storage.vocabulary import MessageKind

LOG_SECONDS = 60
"""Who asks for a log again and again gets its file once in so many seconds."""


@requires(Action.READ_LOG)
def logs(context: Context, requester: Requester, lookup: BinderLookup) -> Message:
    """The end of a binder's log; the whole log follows, as a file in the direct message of who asks."""
    with context.store.write() as session:
        binder = lookup(session)
        audit.record(session, requester.user, "logs", binder.id)
        has_log = bool(binder.log)
        if has_log:
            turn = int(context.store.now() / LOG_SECONDS)
            key = f"{MessageKind.LOG}:{binder.id}:{requester.user}:{turn}"
            outbox.say(session, MessageKind.LOG, key, binder.id, to=requester.user)
    if has_log:
        context.nudge()
    return messages.log_of(binder, with_file=has_log)


@requires(Action.ASK_FOR_HELP)
def ask_for_help(context: Context, requester: Requester, lookup: BinderLookup) -> Message:
    """Show what would be posted in the help channel. It is posted only if the person confirms that."""
    with context.store.read() as session:
        binder = lookup(session)
        channel = _help_channel(context, binder)
        if outbox.is_owed(session, _help_key(binder)):
            return _asked_already(binder)
    return help_request.help_preview(binder, channel, requester.user)


@requires(Action.ASK_FOR_HELP)
def post_help(context: Context, requester: Requester, lookup: BinderLookup) -> Message:
    """Post a failure and its log in the help channel, once for each binder."""
    with context.store.write() as session:
        binder = lookup(session)
        _help_channel(context, binder)
        if outbox.is_owed(session, _help_key(binder)):
            return _asked_already(binder)
        outbox.say(session, MessageKind.HELP, _help_key(binder), binder.id, by=requester.user)
        audit.record(session, requester.user, "ask for help", binder.id)
        shares.tell_owner(
            session, binder, by=requester.user, action=Action.ASK_FOR_HELP, occasion=requester.key
        )
    context.nudge()
    return messages.note(
        Sentence("The failure of {name} is posted. People will answer there.", name=binder.name)
    )


def _help_channel(context: Context, binder: Binder) -> str:
    """Where help is asked for.

    Raises:
        RequestError: The site has no such place, or there is nothing to help with.
    """
    if context.settings.help_channel is None:
        raise RequestError(
            Sentence("This site has no channel for help."), hint=Sentence("Ask those who run this bot.")
        )
    if not has_failed(binder):
        raise RequestError(Sentence("The launch of {name} did not fail.", name=binder.name))
    return context.settings.help_channel


def _help_key(binder: Binder) -> str:
    return f"{MessageKind.HELP}:{binder.id}"


def _asked_already(binder: Binder) -> Message:
    return messages.note(
        Sentence(
            "The failure of {name} was posted already. Look into the channel for help.", name=binder.name
        )
    )


@requires(Action.SEE)
def more(context: Context, requester: Requester, lookup: BinderLookup) -> Json:
    """The modal with all that somebody can do with a binder now."""
    with context.store.read() as session:
        binder = lookup(session)
        may = actions_for(session, context, requester, binder)
    origin = Origin(requester.channel, requester.response_url, requester.is_private)
    return more_view(binder, offers_of(context), may, origin)
