"""Which binder a person means. What they may not see is not found, as if it were not there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy.orm import Session

from bot.errors import RequestError
from bot.sentences import Sentence
from bot.text import readable
from handlers import ids
from handlers.messages.status_text import is_live
from handlers.requests.context import Context
from handlers.requests.names import bare_name, meant_by, nearest
from handlers.requests.permissions import actions_for, allowed, is_allowed
from handlers.requests.requester import BinderLookup, Requester
from handlers.rules import Action, is_possible
from storage import binders, shares
from storage.models import Binder
from storage.vocabulary import Status

_MOST_NAMES = 10

Advise = Callable[[str], str]
"""From a name to the whole command that was meant, to be copied."""


def by_id(context: Context, requester: Requester, binder_id: str) -> BinderLookup:
    """The binder that a button stands for. A button's value can be forged: the row decides."""

    def find(session: Session) -> Binder:
        return _visible(session, context, requester, binders.get(session, binder_id))

    return find


class Ambiguous(RequestError):
    """More than one binder may be meant. A message with a button for each asks which one.

    Args:
        candidates: With which the requester may do what they asked.
    """

    def __init__(self, candidates: Sequence[Binder]) -> None:
        super().__init__(Sentence("Which binder do you mean?"))
        self.candidates = candidates


def by_name(
    context: Context,
    requester: Requester,
    name: str,
    verb: str,
    *,
    after: str = "",
    action: Action = Action.SEE,
) -> BinderLookup:
    """The binder that is meant by a name, or by its repository; without a name, by where it is asked for.

    Without a name, that is the binder of the thread. Else it is the only one of the requester's own in this
    channel, or anywhere; where they have none, the only one that is shared with them.

    Args:
        context: See there.
        requester: Who means it. The binder that they chose by a button is meant, whatever the name.
        name: As typed; may be empty.
        verb: The subcommand, for advice.
        after: What was typed behind the name; stays in the advice.
        action: What is to be done. Those count first with which the requester may do it now.

    Raises:
        Ambiguous: By the lookup: several may be meant.
        RequestError: By the lookup: there is none.
    """
    if requester.chosen:
        return by_id(context, requester, requester.chosen)
    typed = bare_name(readable(name))
    search = _Search(context, requester, action, partial(advice, verb, after=after))

    def find(session: Session) -> Binder:
        return search.named(session, typed) if typed else search.implied(session)

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
    if binder is None or not actions_for(session, context, requester, binder):
        raise RequestError(
            Sentence("I can't find this binder."),
            hint=Sentence("It was removed long ago, or it is shared only with other people."),
        )
    return binder


@dataclass(frozen=True, slots=True)
class _Search:
    """What is to be done with a binder, by whom, and which command would say so."""

    context: Context
    requester: Requester
    action: Action
    advise: Advise

    def named(self, session: Session, name: str) -> Binder:
        """The binder of that name, else of that repository."""
        named = self._of_name(session, name)
        if named is not None and named.status != Status.GONE:
            return named
        live = visible_to(session, self.context, self.requester)
        if meant := meant_by(name, live):
            return self._only_one(session, meant)
        if named is not None:
            return named
        near = nearest(name, [each.name for each in live])
        hint = (
            Sentence("Did you mean {command}?", command=self.advise(near))
            if near
            else each_with(live, self.advise)
        )
        raise RequestError(Sentence("I can't find a binder called “{name}”.", name=name), hint=hint)

    def _of_name(self, session: Session, name: str) -> Binder | None:
        found = binders.named(session, self.requester.team_id, name, user=self.requester.user)
        if found is None or not is_allowed(session, self.context, self.requester, found, Action.SEE):
            return None
        return found

    def implied(self, session: Session) -> Binder:
        """The binder that is meant without a name."""
        asked = self.requester
        if asked.thread_ts and (found := binders.of_thread(session, asked.channel, asked.thread_ts)):
            return _visible(session, self.context, asked, found)
        own = binders.existing(session, asked.team_id, owner=asked.user)
        shared = shares.existing(session, asked.team_id, asked.user)
        mine = [each for each in own if is_live(each)] or [each for each in shared if is_live(each)]
        if not mine:
            raise RequestError(
                Sentence("You have no binder running."),
                hint=Sentence("Start one: `{command} launch owner/repo`", command=ids.COMMAND),
            )
        return self._only_one(session, mine)

    def _only_one(self, session: Session, meant: Sequence[Binder]) -> Binder:
        """The one that is meant: one with which it can be done, one's own, one in this channel.

        Where it can be done with none of them, any of them tells why not.

        Raises:
            Ambiguous: That leaves more than one; those in this channel come first.
        """
        usable = allowed(session, self.context, self.requester, meant, self.action)
        candidates = [each for each in usable if is_possible(each, self.action)]
        candidates = [each for each in candidates if each.owner == self.requester.user] or candidates
        candidates.sort(key=lambda each: not is_in(each, self.requester.channel))
        is_only_one_here = [is_in(each, self.requester.channel) for each in candidates[:2]] == [True, False]
        if len(candidates) > 1 and not is_only_one_here:
            for each in candidates:
                session.expunge(each)  # a rollback would expire them, and the question names them
            raise Ambiguous(candidates)
        return (candidates or usable or meant)[0]


def is_in(binder: Binder, channel: str) -> bool:
    """Whether a binder was launched in a channel, or its thread is there."""
    return channel in {binder.channel, binder.thread_channel}
