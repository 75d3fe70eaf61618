"""What admins decide about launches that need approval."""

from sqlalchemy.orm import Session

from bot.errors import RequestError
from bot.sentences import Sentence
from bot.text import readable
from handlers import messages
from handlers.messages import approval_text
from handlers.messages.blocks import Json
from handlers.messages.message import Message
from handlers.requests.context import Context
from handlers.requests.permissions import requires
from handlers.requests.requester import BinderLookup, Requester
from handlers.rules import Action
from storage import approvals, shares
from storage.models import Binder


@requires(Action.APPROVE)
def approve(context: Context, requester: Requester, lookup: BinderLookup) -> Message:
    """Let a launch begin, or wait for its place.

    Raises:
        RequestError: Somebody decided before.
    """
    with context.store.write() as session:
        binder = lookup(session)
        _tell(session, requester, binder, Action.APPROVE)
        if not approvals.approve(session, binder, requester.user):
            raise _decided(binder)
        context.admission.run(session)
    context.nudge()
    return messages.note(Sentence("You approved {name}.", name=binder.name))


@requires(Action.DENY)
def deny_form(context: Context, _requester: Requester, lookup: BinderLookup) -> Json:
    """The form that asks why a launch is denied."""
    with context.store.read() as session:
        return approval_text.deny_form(lookup(session))


@requires(Action.DENY)
def deny(context: Context, requester: Requester, lookup: BinderLookup, reason: str) -> Message:
    """End a launch that is not approved; its owner reads who denied it, and why.

    Raises:
        RequestError: Somebody decided before.
    """
    said = readable(reason)
    with context.store.write() as session:
        binder = lookup(session)
        _tell(session, requester, binder, Action.DENY)
        sentence = Sentence(approval_text.DENIED, reason=said)
        if not approvals.deny(session, binder, requester.user, sentence, said):
            raise _decided(binder)
    context.nudge()
    return messages.note(Sentence("You denied {name}.", name=binder.name))


def _tell(session: Session, requester: Requester, binder: Binder, action: Action) -> None:
    """Owe the thread who decided, before all that follows from it."""
    shares.tell_owner(session, binder, by=requester.user, action=action, occasion="approval")


def _decided(binder: Binder) -> RequestError:
    return RequestError(Sentence(approval_text.DECIDED, name=binder.name))
