"""Who may do what with a binder. `PERMISSIONS` is the one place that says so.

A binder that was launched in a private channel or a direct message exists only for its owner and the admins:
everybody else gets the answers that they would get if it were not there.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import update_wrapper
from typing import Concatenate, Generic, ParamSpec, TypeVar

from sqlalchemy.orm import Session

from bot.errors import Refused
from handlers.requests.context import Context
from handlers.requests.requester import BinderLookup, Requester
from storage.models import Binder

P = ParamSpec("P")
Answer = TypeVar("Answer")


class Role(StrEnum):
    """What somebody is to a binder."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    """Somebody else of its workspace, where it was launched in public."""
    OUTSIDER = "outsider"
    """Everybody else: it is private, or of another workspace."""


class Action(StrEnum):
    """What can be asked of a binder. The words end the sentence “Only its owner or an admin can …”."""

    SEE = "see it"
    """That it exists, and its status."""
    READ_LOG = "read its log"
    LAUNCH_AGAIN = "launch it again"
    OPEN = "open it with these links"
    EXTEND = "extend it"
    SAVE = "save it"
    SHELVE = "shelve it"
    RESUME = "resume it"
    STOP = "tear it down"
    HOLD = "keep its failed instance"


_EVERYBODY = frozenset({Role.OWNER, Role.ADMIN, Role.MEMBER})
_IN_CHARGE = frozenset({Role.OWNER, Role.ADMIN})

PERMISSIONS: Mapping[Action, frozenset[Role]] = {
    Action.SEE: _EVERYBODY,
    Action.READ_LOG: _EVERYBODY,
    Action.LAUNCH_AGAIN: _EVERYBODY,
    Action.OPEN: _IN_CHARGE,
    Action.EXTEND: _IN_CHARGE,
    Action.SAVE: _IN_CHARGE,
    Action.SHELVE: _IN_CHARGE,
    Action.RESUME: _IN_CHARGE,
    Action.STOP: _IN_CHARGE,
    Action.HOLD: _IN_CHARGE,
}
"""Which roles may do what. Outsiders may do nothing: for them the binder is not there."""


class NotAllowed(Refused):
    """A person sees the binder, but may not do that with it."""

    def __init__(self, binder: Binder, action: Action) -> None:
        super().__init__(f"Only the owner of {binder.name} or an admin can {action}.")
        self.binder = binder
        self.action = action


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
    """Whether somebody may do that with a binder."""
    return role_of(context, requester, binder) in PERMISSIONS[action]


class Operation(Generic[P, Answer]):
    """Something that people may ask of one binder: it reaches the binder only for those who may.

    Args:
        action: What it does, by which `PERMISSIONS` says who may.
        run: Does it. The lookup that it is given raises where that is not allowed.
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
        """

        def permitted(session: Session) -> Binder:
            binder = lookup(session)
            if not is_allowed(context, requester, binder, self.action):
                session.expunge(binder)  # the rollback would expire it, and the refusal tells its name
                raise NotAllowed(binder, self.action)
            return binder

        return self._run(context, requester, permitted, *args, **kwargs)


def requires(
    action: Action,
) -> Callable[[Callable[Concatenate[Context, Requester, BinderLookup, P], Answer]], Operation[P, Answer]]:
    """Make an operation of a function: those may call it who may take that action."""
    return lambda run: Operation(action, run)
