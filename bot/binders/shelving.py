"""Shelving a ready binder, and resuming it. Pure.

    ready -> shelving -> shelved -> unshelving -> ready

A shelved binder keeps its disk, but not its address: after it is resumed, its links are new. Its lifetime
does not run while it is shelved.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bot.binders import deadlines, expiry
from bot.binders.actions import Action, Announce, Expose, Shelve, Unshelve
from bot.binders.observation import Observation
from bot.binders.timeouts import Timeouts
from bot.binders.updates import Update, enter, fail, fault, missing, seconds_shelved
from bot.provisioning.instances import Instance, InstanceState
from storage.models import Binder
from storage.vocabulary import Ending, MessageKind, Outcome, Status, Target

_LEAST_REMAINING_SECONDS = 3600
"""After it is resumed a binder runs for an hour at least, even if less of its lifetime was left."""


def begin_to_shelve(binder: Binder, now: float) -> Update:
    """Begin to shelve a ready binder because it is idle; nobody asked for it."""
    entered = enter(binder, Status.SHELVING, now, target=Target.SHELVED)
    return Update(entered, card=True, settles=Outcome.OVER)


def not_shelved(binder: Binder, now: float) -> Update:
    """Go back to ready if a binder could not be shelved: it still runs, perhaps without its address.

    Unshelving repairs that, also if the cloud has shelved it after all.
    """
    return Update(enter(binder, Status.UNSHELVING, now, target=Target.READY, attempt_at=None), card=True)


def not_resumed(binder: Binder, now: float, sentence: str, timeouts: Timeouts) -> Update:
    """Keep a binder shelved that could not be resumed, and say why."""
    changes = (
        _while_shelved(binder, now, timeouts) if binder.remaining_seconds is None else {"server_url": None}
    )
    back = enter(binder, Status.SHELVED, now, target=Target.SHELVED, attempt_at=None, **changes)
    return Update(back, says=(MessageKind.SHELVED,), card=True, facts={"failure": sentence})


def asked_back(binder: Binder, now: float, timeouts: Timeouts, *, is_lost: bool) -> Update:
    """Note that the cloud was asked for the instance; or that it tried already, and failed."""
    if is_lost:
        return not_resumed(binder, now, "The cloud could not start its instance again.", timeouts)
    return Update({"attempt_at": now, "retries": 0}, next_in=timeouts.poll)


def _while_shelved(binder: Binder, now: float, timeouts: Timeouts) -> dict[str, Any]:
    """Collect what changes when a binder is shelved: its lifetime stops, and is kept for later."""
    left = int(max(binder.ends_at - now, 0.0))
    return {
        "remaining_seconds": left,
        "ends_at": now + timeouts.shelved,
        "server_url": None,
        "interfaces": [],
    }


def resumed(binder: Binder, now: float) -> dict[str, Any]:
    """Collect what changes when a binder is resumed: its lifetime goes on."""
    left = binder.ends_at - now if binder.remaining_seconds is None else binder.remaining_seconds
    ends_at = now + max(left, _LEAST_REMAINING_SECONDS)
    return {"ends_at": ends_at, "remaining_seconds": None, "resumes": binder.resumes + 1}


def plan(binder: Binder, observation: Observation, now: float, timeouts: Timeouts) -> Action | Update:
    """Name the next step of a binder that is shelved, or is being shelved or resumed."""
    if not observation.known:
        return Update(next_in=timeouts.poll)
    if observation.instance is None:
        return missing(binder, now, timeouts, "It was removed outside the bot.", Ending.LOST)
    if observation.instance.state == InstanceState.ERROR:
        return fail(now, fault(observation.instance), ending=Ending.LOST)
    return _BY_STATUS[binder.status](binder, observation, observation.instance, now, timeouts)


def _shelving(
    binder: Binder, _observation: Observation, instance: Instance, now: float, timeouts: Timeouts
) -> Action | Update:
    if instance.state == InstanceState.SHELVED and instance.url is None:
        return _finish_shelving(binder, now, timeouts)
    return not_shelved(binder, now) if now - binder.status_since > timeouts.boot else Shelve()


def _finish_shelving(binder: Binder, now: float, timeouts: Timeouts) -> Update:
    entered = enter(binder, Status.SHELVED, now, **_while_shelved(binder, now, timeouts))
    said = (MessageKind.SHELVED,) if binder.target == Target.SHELVED else ()
    return Update(entered, says=said, card=True)


def _shelved(
    binder: Binder, observation: Observation, instance: Instance, now: float, timeouts: Timeouts
) -> Action | Update:
    if binder.target == Target.READY or instance.state != InstanceState.SHELVED:
        return _begin_to_unshelve(binder, now)
    ended = deadlines.may_end(binder, observation.notices, now, timeouts.policy)
    if ended is not None:
        return expiry.expired(binder, now, ended.reason, timeouts)
    return expiry.watch(binder, observation, now, timeouts, next_look=timeouts.ready_poll)


def _begin_to_unshelve(binder: Binder, now: float) -> Update:
    """Begin to resume it. Somebody may have done so outside the bot; then the new links say so."""
    entered = enter(
        binder,
        Status.UNSHELVING,
        now,
        target=Target.READY,
        maximum_at=binder.maximum_at + seconds_shelved(binder, now) if binder.maximum_at else 0.0,
        attempt_at=None,
    )
    # Its notices stay as they are: its deadline moves once it is back, which may fail.
    return Update(entered, card=True)


def _unshelving(
    binder: Binder, observation: Observation, instance: Instance, now: float, timeouts: Timeouts
) -> Action | Update:
    if now - binder.status_since > timeouts.boot:
        return _late(binder, instance, now, timeouts)
    if instance.state == InstanceState.SHELVED:
        return Unshelve()
    if instance.state != InstanceState.ACTIVE:
        return Update(next_in=timeouts.poll)
    if instance.url is None:
        return Expose()
    if binder.server_url != instance.url:
        return Update({"server_url": instance.url})
    return Announce(instance.url) if observation.answers else Update(next_in=timeouts.poll)


def _late(binder: Binder, instance: Instance, now: float, timeouts: Timeouts) -> Update:
    if instance.state == InstanceState.SHELVED:
        return not_resumed(binder, now, "The cloud did not start its instance again in time.", timeouts)
    return fail(now, "Its server did not answer after it was resumed.", ending=Ending.LOST)


_BY_STATUS: Mapping[Status, Callable[[Binder, Observation, Instance, float, Timeouts], Action | Update]] = {
    Status.SHELVING: _shelving,
    Status.SHELVED: _shelved,
    Status.UNSHELVING: _unshelving,
}
