"""Holds what people ask against `handlers.rules.RULES`: who may do what, and when.

A binder that was launched in a private channel or a direct message exists only for its owner, for the people
with whom it is shared, and for the admins: everybody else gets the answers that they would get if it were not
there.
"""

from collections.abc import Callable
from functools import update_wrapper
from typing import Concatenate, Generic, ParamSpec, TypeVar

from sqlalchemy.orm import Session

from bot.errors import Refused, RequestError
from handlers import ids
from handlers.messages.status_text import phrase, summary
from handlers.requests.context import Context
from handlers.requests.requester import BinderLookup, Requester
from handlers.rules import RULES, Action, Role, State, is_possible, state_of
from storage.models import Binder

P = ParamSpec("P")
Answer = TypeVar("Answer")


class NotAllowed(Refused):
    """A person sees the binder, but may not do that with it."""

    def __init__(self, binder: Binder, action: Action) -> None:
        super().__init__(f"Only the owner of {binder.name} or an admin can {action}.")
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
        what = f"{binder.name} {phrase(binder).words}; {RULES[action].otherwise}."
        super().__init__(what, hint=_what_helps(binder, action, now))


def _what_helps(binder: Binder, action: Action, now: float) -> str:
    if state_of(binder) == State.SHELVED and action in {Action.OPEN, Action.SAVE}:
        return f"`{ids.COMMAND} resume {binder.name}` brings it back."
    return summary(binder, now) if action == Action.OPEN else ""


def role_of(context: Context, requester: Requester, binder: Binder) -> Role:
    """What somebody is to a binder. A channel of which nothing is known counts as private."""
    if binder.team_id != requester.team_id:
        return Role.OUTSIDER
    if requester.user == binder.owner:
        return Role.OWNER
    if requester.user in context.settings.admins:
        return Role.ADMIN
    return Role.MEMBER if binder.is_private is False else Role.OUTSIDER


def is_allowed(context: Context, requester: Requester, binder: Binder, action: Action) -> bool:
    """Whether somebody may do that with a binder, in a state in which it is possible."""
    rule = RULES[action]
    roles = rule.roles | rule.also if context.settings.logs_for == "everybody" else rule.roles
    return role_of(context, requester, binder) in roles


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

        def permitted(session: Session) -> Binder:
            binder = lookup(session)
            if not is_allowed(context, requester, binder, self.action):
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
