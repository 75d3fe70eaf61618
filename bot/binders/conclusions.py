"""What follows from the result of an action: the update of the row. Pure.

The executor reports how an action went. Here it is decided what that means for the binder: its next status, a
failure, or another try.
"""

from collections.abc import Mapping
from dataclasses import replace

from bot.binders import shelving, stages, warm_instance
from bot.binders.actions import (
    Action,
    Create,
    Done,
    Expose,
    Failed,
    GiveRight,
    InterfacesFound,
    MarkEnd,
    Order,
    Removed,
    RepositoryFound,
    Resolve,
    Result,
    Shelve,
    StepTaken,
    Superseded,
    Unshelve,
    UnshelveAsked,
    WarmTaken,
    WithdrawRight,
)
from bot.binders.timeouts import Timeouts
from bot.binders.updates import Update, enter, fail, give_up, try_again
from bot.errors import (
    BinderBotError,
    CloudError,
    CloudUnreachable,
    NoCapacity,
    QuotaExceeded,
    RepositoryUnreachable,
    ResolveError,
    UnreadableSecret,
)
from bot.interfaces import catalogue
from storage.models import Binder
from storage.vocabulary import MessageKind, Status, Target

RESOLVE_TRIES = 3
"""How often a repository's host is asked that does not answer, before the launch fails."""
UNREADABLE_SECONDS = 60.0
"""How soon it is looked whether the operator has added the key to a binder's secrets."""
BROKEN_TRIES = 8
"""How many steps may break in a way nobody foresaw, before the launch fails."""


def conclude(binder: Binder, action: Action, result: Result, now: float, timeouts: Timeouts) -> Update:  # noqa: PLR0911 - one for each kind of result
    """Turn the result of an action into what is written down.

    Args:
        binder: Its row, as the action was planned for it.
        action: What was tried.
        result: How that went.
        now: Unix seconds, UTC, by the database's clock.
        timeouts: How patient to be.
    """
    match result:
        case Failed(error):
            return _after_failure(binder, action, error, now, timeouts)
        case RepositoryFound():
            return _resolved(binder, result, now)
        case StepTaken(resource_ids):
            return _after_cloud_step(binder, action, resource_ids, now, timeouts)
        case WarmTaken():
            return warm_instance.begin_to_order(binder, now)
        case InterfacesFound():
            return _announced(binder, result, now, timeouts)
        case UnshelveAsked(is_lost):
            return shelving.asked_back(binder, now, timeouts, is_lost=is_lost)
        case Removed(nothing_left):
            return _removed(binder, timeouts, nothing_left=nothing_left)
        case Done():
            return _done(action, now, timeouts)
        case Superseded():
            return Update()


def after_break(binder: Binder, now: float) -> Update:
    """Decide what follows when a step broke in a way that nobody foresaw."""
    if binder.target != Target.GONE and binder.retries + 1 >= BROKEN_TRIES:
        return fail(
            now, "The launch failed after repeated internal errors.", hint="Ask the people who run this bot."
        )
    return try_again(binder)


def after_unreadable(binder: Binder, error: UnreadableSecret, now: float) -> Update:
    """Decide what follows when a secret of its row cannot be opened. What was ready once is left alone."""
    if binder.ready_at is not None:
        return Update(next_in=UNREADABLE_SECONDS)
    return give_up(now, error) if binder.retries + 1 >= BROKEN_TRIES else try_again(binder)


def _resolved(binder: Binder, found: RepositoryFound, now: float) -> Update:
    facts = {"commit": found.commit, "is_tip": found.is_tip, "ref": found.ref, "path": found.path}
    facts |= {"needs_right": found.needs_right}
    entered = enter(binder, Status.REQUESTED, now, stage="instance", resolved_at=now, **facts)
    return Update(entered, card=True)


def _after_cloud_step(
    binder: Binder, action: Action, resource_ids: Mapping[str, str], now: float, timeouts: Timeouts
) -> Update:
    ids = dict(resource_ids)
    if isinstance(action, Create):
        entered = enter(binder, Status.CREATING, now, stage="instance", waiting_for=None, resource_ids=ids)
        return Update(entered, card=True)
    is_step = isinstance(action, Expose) and ids != binder.resource_ids
    return Update({"resource_ids": ids}, next_in=0.0 if is_step else timeouts.poll)


def _announced(binder: Binder, found: InterfacesFound, now: float, timeouts: Timeouts) -> Update:
    links = found.links
    if not links:
        return Update(next_in=timeouts.poll)  # it answers, but its pages are still being set up
    back = shelving.resumed(binder, now) if binder.status == Status.UNSHELVING else {"ready_at": now}
    rows = [each.as_row() for each in links]
    fresh = {"interfaces": rows, "used_at": now, "looked_at": now, "counted_at": now}
    fresh |= {"collaborates": found.collaborates}
    ready = enter(binder, Status.READY, now, stage="server", **fresh, **back)
    absent = binder.interface and links[0].kind not in {binder.interface, "custom"}
    facts = {"absent": catalogue.label(binder.interface)} if binder.interface and absent else {}
    return Update(ready, says=(MessageKind.READY, MessageKind.LINKS), card=True, facts=facts)


def _removed(binder: Binder, timeouts: Timeouts, *, nothing_left: bool) -> Update:
    if not nothing_left:
        return Update({"retries": 0}, next_in=min(timeouts.poll, 1.0))
    # What was found and removed is what the attempt made: nothing more can come of it.
    found = {"attempt_at": None} if "server" in binder.resource_ids else {}
    return Update({"resource_ids": {}, "retries": 0} | found)


def _done(action: Action, now: float, timeouts: Timeouts) -> Update:
    if isinstance(action, Order):
        return Update({"ordered_at": now, "retries": 0}, next_in=timeouts.poll)
    if isinstance(action, MarkEnd):
        return Update(next_in=action.next_in)
    if isinstance(action, GiveRight):
        return Update({"right_at": now, "retries": 0}, next_in=timeouts.poll)
    if isinstance(action, WithdrawRight):
        return Update({"right_at": None, "retries": 0})
    return Update({"retries": 0}, next_in=timeouts.poll)


def _after_failure(
    binder: Binder, action: Action, error: CloudError | ResolveError, now: float, timeouts: Timeouts
) -> Update:
    """Decide whether to try again, to fail, or to go back to where it was."""
    is_passing = isinstance(error, CloudUnreachable | RepositoryUnreachable)
    is_full = isinstance(error, NoCapacity | QuotaExceeded)
    update = try_again(binder)
    match action:
        case Resolve() if not is_passing or binder.retries + 1 >= RESOLVE_TRIES:
            update = give_up(now, error)
        case Create():
            update = _not_created(binder, error, now, timeouts)
        case Order() if not is_passing:
            update = warm_instance.give_up(binder, now)
        case GiveRight() if not is_passing:
            update = give_up(now, error)
        case WithdrawRight() if not is_passing:  # it ends by itself, and nobody else can open it
            update = Update({"right_at": None}, next_in=timeouts.poll)
        case Expose() if not (is_passing or is_full):
            update = give_up(now, error)
        case Shelve() if not is_passing:
            update = shelving.not_shelved(binder, now)
        case Unshelve() if not is_passing:
            update = shelving.not_resumed(binder, now, error.sentence, timeouts)
        case MarkEnd(next_in):
            update = Update(next_in=next_in)
    return update


def _not_created(binder: Binder, error: BinderBotError, now: float, timeouts: Timeouts) -> Update:
    if isinstance(error, CloudUnreachable):  # it may have been made: the next listings tell
        return Update({"retries": binder.retries + 1}, next_in=timeouts.poll)
    if isinstance(error, RepositoryUnreachable) and binder.retries + 1 < BROKEN_TRIES:
        return try_again(binder)  # nothing was made: it was asked whether the repository may be read
    # A warm instance waits for no room: the pool tries again later.
    if binder.is_warm or not isinstance(error, NoCapacity | QuotaExceeded):
        return give_up(now, error, attempt_at=None)
    is_new = not binder.waiting_for
    waits = {"stages": stages.waiting(binder.stages, now)} if is_new else {}
    return replace(
        try_again(binder),
        changes={
            "waiting_for": error.sentence,
            "attempt_at": None,
            "retries": binder.retries + 1,
            **waits,
        },
        says=(MessageKind.WAITING,) if is_new else (),
        card=True if is_new else None,
    )
