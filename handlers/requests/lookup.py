"""Which binder a person means. What they may not see is not found, as if it were not there."""

from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy.orm import Session

from bot.errors import RequestError
from bot.text import readable
from handlers import ids
from handlers.messages.status_text import is_live
from handlers.requests.context import Context
from handlers.requests.names import bare_name, nearest
from handlers.requests.permissions import allowed, is_allowed
from handlers.requests.requester import BinderLookup, Requester
from handlers.rules import Action
from storage import binders, shares
from storage.models import Binder

_MOST_NAMES = 10

Advise = Callable[[str], str]
"""From a name to the whole command that was meant, to be copied."""


def by_id(context: Context, requester: Requester, binder_id: str) -> BinderLookup:
    """The binder that a button stands for. A button's value can be forged: the row decides."""

    def find(session: Session) -> Binder:
        return _visible(session, context, requester, binders.get(session, binder_id))

    return find


def by_name(context: Context, requester: Requester, name: str, verb: str, *, after: str = "") -> BinderLookup:
    """The binder of that name; without one that of the thread, else the requester's only one.

    Where they have none of their own, that is the only one that is shared with them.

    Args:
        context: See there.
        requester: Who means it.
        name: As typed; may be empty.
        verb: The subcommand, for advice.
        after: What was typed behind the name; stays in the advice.
    """
    typed = bare_name(readable(name))
    advise = partial(advice, verb, after=after)

    def find(session: Session) -> Binder:
        if typed:
            return _named(session, context, requester, typed, advise)
        return _implied(session, context, requester, advise)

    return find


def visible_to(session: Session, context: Context, requester: Requester) -> list[Binder]:
    """All binders of the workspace that are not gone yet and that somebody may see, the oldest first."""
    live = binders.existing(session, requester.team_id)
    return allowed(session, context, requester, live, Action.SEE)


def each_with(live: Sequence[Binder], advise: Advise) -> str:
    """The command once for each, to be copied."""
    return "\n".join(advise(each.name) for each in live[:_MOST_NAMES])


def advice(verb: str, name: str, after: str = "") -> str:
    """The whole command, to be copied."""
    return f"`{' '.join(part for part in (ids.COMMAND, verb, name, after) if part)}`"


def _visible(session: Session, context: Context, requester: Requester, binder: Binder | None) -> Binder:
    if binder is None or not is_allowed(session, context, requester, binder, Action.SEE):
        raise RequestError(
            "I can't find this binder.",
            hint="It was removed long ago, or it is shared only with other people.",
        )
    return binder


def _named(session: Session, context: Context, requester: Requester, name: str, advise: Advise) -> Binder:
    binder = binders.named(session, requester.team_id, name, user=requester.user)
    if binder is not None and is_allowed(session, context, requester, binder, Action.SEE):
        return binder
    live = visible_to(session, context, requester)
    near = nearest(name, [each.name for each in live])
    hint = f"Did you mean {advise(near)}?" if near else each_with(live, advise)
    raise RequestError(f"I can't find a binder called “{name}”.", hint=hint)


def _implied(session: Session, context: Context, requester: Requester, advise: Advise) -> Binder:
    if requester.thread_ts and (found := binders.of_thread(session, requester.channel, requester.thread_ts)):
        return _visible(session, context, requester, found)
    own = binders.existing(session, requester.team_id, owner=requester.user)
    mine = [each for each in own if is_live(each)]
    if not mine:
        mine = [each for each in shares.existing(session, requester.team_id, requester.user) if is_live(each)]
    here = [each for each in mine if requester.channel in {each.channel, each.thread_channel}]
    for candidates in (here, mine):
        if len(candidates) == 1:
            return candidates[0]
    if not mine:
        raise RequestError(
            "You have no binder running.", hint=f"Start one: `{ids.COMMAND} launch owner/repo`"
        )
    raise RequestError(f"You have {len(mine)} binders. Which one?", hint=each_with(here or mine, advise))
