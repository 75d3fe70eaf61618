"""The life of a warm instance: until it waits, and from when a launch took it until it builds. Pure.

A row of its own:   requested -> creating -> booting -> waiting
Then, in the row of the launch that took it:            requested -> booting -> building

Nobody's launch may fail because of a warm instance. One that does not begin to build is removed, and an
instance is made for the launch as if there had been no pool.
"""

from bot.binders.actions import Action, Order
from bot.binders.observation import Observation, needs_order
from bot.binders.timeouts import Timeouts
from bot.binders.updates import Update, enter, fail, fault, missing
from bot.provisioning.base import InstanceState, Phase
from storage.models import Binder, Ending, Status

_FAULTS = frozenset({"no-egress", "host-unreachable", "no-tools", "no-firewall", "bad-task", "agent-error"})
"""Failures that a fresh instance may not have."""
_ALIVE = frozenset({InstanceState.ACTIVE, InstanceState.PENDING})
"""Somebody who works at the cloud may let it be busy with an instance for a moment."""
_IDLE = frozenset({Phase.BOOTING, Phase.WAITING})


def wait(binder: Binder, observation: Observation, now: float, timeouts: Timeouts) -> Update:
    """Look after an instance that waits. Its agent is not asked: that would be a call for each."""
    if not observation.known:
        return Update(next_in=timeouts.ready_poll)
    instance = observation.instance
    if instance is None:
        return missing(binder, now, timeouts, "It was removed outside the bot.", Ending.LOST)
    if instance.state == InstanceState.ERROR:
        return fail(now, fault(instance), ending=Ending.LOST)
    if instance.state not in _ALIVE:
        return fail(now, f"It is {instance.state}, so it serves nobody.", ending=Ending.LOST)
    seen_again = {"missing_since": None} if binder.missing_since is not None else {}
    return Update(seen_again, next_in=timeouts.until_next_round(now))


def boot(binder: Binder, observation: Observation, now: float) -> Update | None:
    """See whether an instance that was made for the pool has booted; None while it has not."""
    if observation.report is None or observation.report.phase != Phase.WAITING:
        return None
    return Update(enter(binder, Status.WAITING, now))


def begin_to_order(binder: Binder, now: float) -> Update:
    """Go on with the instance that was taken: it is booted already."""
    return Update(enter(binder, Status.BOOTING, now, stage="instance", waiting_for=None), card=True)


def follow(
    binder: Binder, observation: Observation, now: float, timeouts: Timeouts
) -> Action | Update | None:
    """Give an instance that was taken its order, and see that it begins; None where it did, or may still."""
    since = binder.status_since if binder.ordered_at is None else binder.ordered_at
    is_late = now - since > timeouts.order
    if needs_order(binder):
        return give_up(binder, now) if is_late and binder.retries else Order()
    if not observation.known:
        return None
    if observation.instance is None:
        step = missing(binder, now, timeouts, "Its warm instance disappeared.")
        return give_up(binder, now) if "target" in step.changes else step
    is_idle = observation.report is None or observation.report.phase in _IDLE
    if _is_broken(observation) or (is_idle and is_late):
        return give_up(binder, now)
    return Update(next_in=timeouts.poll) if is_idle else None


def give_up(binder: Binder, now: float) -> Update:
    """Remove the instance that was taken; then one is made for this launch alone."""
    return Update(enter(binder, Status.DELETING, now, warm_failed=True), card=True)


def _is_broken(observation: Observation) -> bool:
    report, instance = observation.report, observation.instance
    has_failed = report is not None and report.phase == Phase.FAILED and report.code in _FAULTS
    return has_failed or (instance is not None and instance.state not in _ALIVE)
