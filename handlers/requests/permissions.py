"""Holds what people ask against `handlers.rules.RULES`: who may do what, and when.

A binder that was launched in a private channel or a direct message exists only for its owner, for the people
with whom it is shared, and for the admins: everybody else gets the answers that they would get if it were not
there.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import update_wrapper
from typing import Concatenate, Generic, ParamSpec, TypeVar

from sqlalchemy.orm import Session

from bot.errors import Refused, RequestError
from bot.policy.people import Standing
from bot.sentences import Sentence
from handlers import ids
from handlers.messages.progress import summary
from handlers.messages.status_text import phrase
from handlers.requests import audited
from handlers.requests.context import Context
from handlers.requests.launchers import standing_of
from handlers.requests.requester import BinderLookup, Requester
from handlers.rules import RULES, Action, Role, State, is_possible, state_of
from storage import shares
from storage.models import Binder

P = ParamSpec("P")
Answer = TypeVar("Answer")


def refused(binder: Binder, action: Action) -> Sentence:
    """Who alone may do that with a binder."""
    if RULES[action].is_for_admins:
        return Sentence("Only an admin can {do}.", do=Sentence(action))
    return Sentence("Only the owner of {name} or an admin can {do}.", name=binder.name, do=Sentence(action))


class NotAllowed(Refused):
    """A person sees the binder, but may not do that with it."""

    def __init__(self, binder: Binder, action: Action) -> None:
        super().__init__(refused(binder, action))
        self.binder = binder
        self.action = action


class NotPossible(RequestError):
    """A person may do that, but not in the state in which the binder is.

    Args:
        binder: As it is.
        action: What was asked.
        now: Unix seconds, UTC.
    """

    def __init__(self, binder: Binder, action: Action, now: float) -> None:
        what = Sentence(
            "{name} {state}; {otherwise}.",
            name=binder.name,
            state=phrase(binder).words,
            otherwise=RULES[action].otherwise,
        )
        super().__init__(what, hint=_what_helps(binder, action, now))


def _what_helps(binder: Binder, action: Action, now: float) -> str:
    if state_of(binder) == State.SHELVED and action in {Action.OPEN, Action.SAVE}:
        return Sentence("`{command} resume {name}` brings it back.", command=ids.COMMAND, name=binder.name)
    return summary(binder, now) if action == Action.OPEN else ""


def roles_of(
    session: Session, context: Context, requester: Requester, found: Sequence[Binder]
) -> Mapping[str, Role]:
    """What somebody is to each of these binders, by its id. Asks the database once."""
    only = found[0].id if len(found) == 1 else None
    shared = shares.rights(session, requester.user, only)
    return {each.id: _role(context, requester, each, shared.get(each.id)) for each in found}


def _role(context: Context, requester: Requester, binder: Binder, manages: bool | None) -> Role:  # noqa: FBT001 - as it is in the row
    """What somebody is to a binder; `manages` is None where it is not shared with them.

    A channel of which nothing is known counts as private.
    """
    if binder.team_id != requester.team_id:
        return Role.DECIDER if binder.team_id and _runs_the_bot(context, requester) else Role.OUTSIDER
    if requester.user == binder.owner:
        return Role.OWNER
    if context.is_admin(requester.team_id, requester.user):
        return Role.ADMIN
    if manages is not None:
        return Role.MANAGER if manages else Role.SHARED
    if standing_of(context, requester) != Standing.MEMBER:
        return Role.GUEST
    return Role.MEMBER if binder.is_private is False else Role.OUTSIDER


def _runs_the_bot(context: Context, requester: Requester) -> bool:
    """Whether somebody is an admin of the workspace of those who run the bot, where there are several."""
    is_home = requester.team_id == context.settings.home_workspace
    return is_home and context.is_admin(requester.team_id, requester.user)


def allowed(
    session: Session, context: Context, requester: Requester, found: Sequence[Binder], action: Action
) -> list[Binder]:
    """Those of these binders with which somebody may do that, in a state in which it is possible."""
    roles = roles_of(session, context, requester, found)
    return [each for each in found if roles[each.id] in _roles_for(context, action, each)]


def is_allowed(
    session: Session, context: Context, requester: Requester, binder: Binder, action: Action
) -> bool:
    """Whether somebody may do that with a binder, in a state in which it is possible."""
    return bool(allowed(session, context, requester, [binder], action))


def actions_for(
    session: Session, context: Context, requester: Requester, binder: Binder
) -> frozenset[Action]:
    """What somebody may do with a binder, each in the states in which it is possible."""
    role = roles_of(session, context, requester, [binder])[binder.id]
    return frozenset(each for each in Action if role in _roles_for(context, each, binder))


def _roles_for(context: Context, action: Action, binder: Binder) -> frozenset[Role]:
    """Who may do that; a site opens the logs of what everybody can read, and of nothing else."""
    rule = RULES[action]
    is_open = context.settings.logs_for == "everybody" and not binder.needs_right
    return rule.roles | rule.also if is_open else rule.roles


class Operation(Generic[P, Answer]):
    """Something that people may ask of one binder: it reaches the binder only for those who may.

    Args:
        action: What it does, by which `RULES` says who may, and when.
        run: Does it. The lookup that it is given raises where that is not allowed, or not possible.
    """

    __name__: str

    def __init__(
        self, action: Action, run: Callable[Concatenate[Context, Requester, BinderLookup, P], Answer]
    ) -> None:
        self.action = action
        self._run = run
        update_wrapper(self, run)

    def __call__(
        self, context: Context, requester: Requester, lookup: BinderLookup, *args: P.args, **kwargs: P.kwargs
    ) -> Answer:
        """Do it.

        Raises:
            NotAllowed: This person may not.
            NotPossible: They may, but not now.
        """
        audited.begin(self.action)

        def permitted(session: Session) -> Binder:
            binder = lookup(session)
            audited.found(binder.id)
            if not is_allowed(session, context, requester, binder, self.action):
                session.expunge(binder)  # the rollback would expire it, and the refusal tells its name
                raise NotAllowed(binder, self.action)
            if not is_possible(binder, self.action):
                raise NotPossible(binder, self.action, context.store.now())
            return binder

        return self._run(context, requester, permitted, *args, **kwargs)


def requires(
    action: Action,
) -> Callable[[Callable[Concatenate[Context, Requester, BinderLookup, P], Answer]], Operation[P, Answer]]:
    """Make an operation of a function: those may call it who may take that action, when it is possible."""
    return lambda run: Operation(action, run)
