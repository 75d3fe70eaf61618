"""What should happen to a binder next. Pure: no clock, no network, no session.

`plan` looks at a row and at what was observed, and names one small step: an action for the executor, or an
update of the row. `bot.binders.conclusions` turns the result of an action into an update. The same row and
the same observation always give the same step, so a process may die at any line.

    requested -> creating -> booting -> building -> ready -> deleting -> gone

and beside it, where the cloud can (see `bot.binders.shelving`):

    ready -> shelving -> shelved -> unshelving -> ready

A failure is not a status: it is the target `gone` with a reason, so cleaning up always runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from bot.binders import deadlines, expectations, expiry, shelving, source_right, stages, warm_instance
from bot.binders.actions import Action, Announce, Create, Expose, MarkEnd, Prune, Remove, Resolve
from bot.binders.expectations import Expectation
from bot.binders.observation import Observation, ObservedUse, is_unresolved, wants_look
from bot.binders.timeouts import Timeouts
from bot.binders.updates import Update, end, enter, fail, fault, missing
from bot.provisioning.instances import Instance, InstanceState, Phase, Report
from storage.models import Binder
from storage.vocabulary import Activity, Ending, MessageKind, Outcome, Reason, Status, Target

WARNED = frozenset({Status.READY, Status.SHELVING, Status.SHELVED, Status.UNSHELVING})
"""The statuses in which a binder holds somebody's work, so that it never ends by itself without warning."""
_REPLACEABLE = frozenset({"no-egress"})
"""Failures of the host, not of the repository: another instance may work."""
_WAITING_SECONDS = 600.0
"""How soon a launch that waits for its turn is looked at again, though nothing but its turn changes it."""
_SAVING_PATIENCE_SECONDS = 900.0
"""How long a teardown waits for the changes to be saved."""


def plan(binder: Binder, observation: Observation, now: float, timeouts: Timeouts) -> Action | Update:
    """Name the next step for a binder that is not gone.

    Args:
        binder: Its row.
        observation: What was observed after the row was read.
        now: Unix seconds, UTC, by the database's clock.
        timeouts: How patient to be.
    """
    if binder.target == Target.GONE:
        return _unwind(binder, observation, now, timeouts)
    if binder.status not in WARNED | {Status.REQUESTED} and now >= binder.ends_at:
        return end(now, Ending.EXPIRED, ended_for=Reason.LIFETIME)
    if (
        binder.status != Status.REQUESTED
        and observation.instance is not None
        and len(observation.instances) > 1
    ):
        return Prune(observation.instance.ref)
    if binder.waits_for is not None:  # it begins when it is let: see `bot.binders.admission`
        return Update(next_in=_WAITING_SECONDS)
    if (of_right := source_right.step(binder, observation, now)) is not None:
        return of_right
    step = _TOWARDS_READY[binder.status](binder, observation, now, timeouts)
    return _expecting(step, binder, observation, now) if isinstance(step, Update) else step


def _expecting(step: Update, binder: Binder, observation: Observation, now: float) -> Update:
    """Note with a step what is expected of the launch by now, and once that it takes longer than usual."""
    known = Expectation.of(binder)
    found = observation.expected or known
    if found is None or not expectations.is_at_work(binder):
        return step
    found = replace(found, is_late=expectations.is_late(binder, found, now))
    if found == known:
        return step
    card = False if step.card is None else step.card
    return replace(step, changes={**step.changes, "expected": found.as_row()}, card=card)


def _requested(binder: Binder, observation: Observation, now: float, timeouts: Timeouts) -> Action | Update:
    if is_unresolved(binder):
        return Resolve()
    if binder.instance_id is not None:  # taken, but the bot died before it wrote down the status
        return warm_instance.begin_to_order(binder, now)
    if not observation.known:
        return Update(next_in=timeouts.poll)
    if observation.instance is not None:
        adopted = {"resource_ids": dict(binder.resource_ids) | {"server": observation.instance.ref}}
        return Update(
            enter(binder, Status.CREATING, now, stage="instance", waiting_for=None, **adopted), card=True
        )
    return _without_instance(binder, now, timeouts)


def _without_instance(binder: Binder, now: float, timeouts: Timeouts) -> Action | Update:
    if _attempt_is_open(binder, now, timeouts):
        return Update(next_in=timeouts.poll)
    if (binder.waiting_for or binder.attempt_at) and now - binder.status_since > timeouts.capacity:
        why = binder.waiting_for or "The cloud never answered whether it made the instance."
        return fail(now, why, hint="Try again later, or choose another size.")
    return Create()


def _creating(binder: Binder, observation: Observation, now: float, timeouts: Timeouts) -> Action | Update:
    if not observation.known:
        return Update(next_in=timeouts.poll)
    instance = observation.instance
    if instance is None:
        if _attempt_is_open(binder, now, timeouts):
            return Update(next_in=timeouts.poll)
        return missing(binder, now, timeouts, "Its instance disappeared while it was being made.")
    if instance.state == InstanceState.ERROR:
        return fail(now, fault(instance))
    if instance.url is None:
        return (
            _or_late(binder, now, timeouts.boot, "The instance did not get an address in time.") or Expose()
        )
    return Update(enter(binder, Status.BOOTING, now, server_url=instance.url), card=True)


def _booting(binder: Binder, observation: Observation, now: float, timeouts: Timeouts) -> Action | Update:
    early = _of_the_pool(binder, observation, now, timeouts) or _inside(binder, observation, now, timeouts)
    if early is not None:
        return early
    if observation.report is not None and observation.report.phase not in {Phase.BOOTING, Phase.WAITING}:
        stage = stages.begun_by(observation.report.phase, binder.stages)
        progress = _progress(binder, observation.report)
        return Update(enter(binder, Status.BUILDING, now, stage=stage, **progress), card=True)
    late = _or_late(binder, now, timeouts.boot, "The instance was started, but it did not report in time.")
    return late or Update(next_in=timeouts.poll)


def _of_the_pool(
    binder: Binder, observation: Observation, now: float, timeouts: Timeouts
) -> Action | Update | None:
    if binder.is_warm:
        return warm_instance.boot(binder, observation, now)
    return None if binder.instance_id is None else warm_instance.follow(binder, observation, now, timeouts)


def _building(binder: Binder, observation: Observation, now: float, timeouts: Timeouts) -> Action | Update:
    early = _inside(binder, observation, now, timeouts)
    if early is not None:
        return early
    minutes = round(timeouts.build / 60)
    late = _or_late(
        binder,
        now,
        timeouts.build,
        f"The build took longer than {minutes} minutes.",
        _log(observation.report),
    )
    return late or _heartbeat(binder, observation.report, now, timeouts)


def _inside(
    binder: Binder, observation: Observation, now: float, timeouts: Timeouts
) -> Action | Update | None:
    """Decide what follows if the instance is broken, failed or answers; None if it is still at work."""
    if not observation.known:
        return Update(next_in=timeouts.poll)
    if observation.report is not None and observation.report.phase == Phase.FAILED:
        return _reported_failure(binder, observation.report, now, timeouts)
    if observation.instance is None:
        return missing(binder, now, timeouts, "Its instance was removed outside the bot.")
    if observation.instance.state == InstanceState.ERROR:
        return fail(now, fault(observation.instance), log=_log(observation.report))
    if observation.answers and binder.server_url:
        return _noted(binder, observation.report) or Announce(binder.server_url)
    return None


def _noted(binder: Binder, report: Report | None) -> Update | None:
    """Write down what was reported of the build, before the links are posted together with it."""
    if report is None:
        return None
    changes = {
        name: value for name, value in _build_of(binder, report).items() if getattr(binder, name) != value
    }
    return Update(changes) if changes else None


def _build_of(binder: Binder, report: Report) -> dict[str, Any]:
    """What a report says of the build. Kind and image are written once: the rest may come from the image."""
    said: dict[str, Any] = {"notes": list(report.notes)} if report.notes else {}
    said |= {"kind": report.kind} if report.kind and not binder.kind else {}
    return said | ({"image": asdict(report.image)} if report.image and not binder.image else {})


def _reported_failure(binder: Binder, report: Report, now: float, timeouts: Timeouts) -> Update:
    if binder.is_warm:  # nobody wants to look at it, and the pool makes another one
        return fail(now, report.reason, failure_code=report.code)
    if report.code in _REPLACEABLE and binder.replaced < timeouts.replacements:
        return Update(enter(binder, Status.DELETING, now, replaced=binder.replaced + 1), card=True)
    sentence, kept_until = (
        report.reason or "The build failed.",
        now + timeouts.failed if timeouts.failed else 0.0,
    )
    return fail(
        now,
        sentence,
        hint=report.hint,
        log=report.log,
        failure_code=report.code,
        kept_until=kept_until,
    )


def _replacing(binder: Binder, observation: Observation, now: float, timeouts: Timeouts) -> Action | Update:
    """Remove an instance that came up broken, so that another one can be made."""
    if not observation.known:
        return Update(next_in=timeouts.poll)
    if observation.leftovers or binder.resource_ids:
        return Remove()
    anew = enter(binder, Status.REQUESTED, now, attempt_at=None, server_url=None, log="", line="", image={})
    fresh = {"fraction": None, "kind": "", "instance_id": None, "ordered_at": None, "right_at": None}
    return Update(anew | fresh | {"stages": stages.anew(binder.stages)}, card=True)


def _ready(binder: Binder, observation: Observation, now: float, timeouts: Timeouts) -> Action | Update:
    if not observation.known:
        return Update(next_in=timeouts.ready_poll)
    if observation.instance is None:
        return missing(binder, now, timeouts, "It was removed outside the bot.", Ending.LOST)
    if broken := _broken(observation.instance):
        return fail(now, broken, ending=Ending.LOST)
    if binder.target == Target.SHELVED:
        return Update(enter(binder, Status.SHELVING, now), card=True, settles=Outcome.OVER)
    if wants_look(binder, now, timeouts):
        return _after_look(binder, observation, now, timeouts)
    step = _in_time(binder, observation, now, timeouts)
    # After all else: a cloud that lets nobody mark anything must keep no binder from being warned, or ended.
    return (
        MarkEnd(step.next_in) if step.is_quiet and _is_marked_wrongly(binder, observation.instance) else step
    )


def _is_marked_wrongly(binder: Binder, instance: Instance) -> bool:
    """Whether the instance is marked with another end: somebody kept it. Clouds count whole seconds."""
    return instance.ends_at is not None and abs(instance.ends_at - binder.ends_at) >= 1


def _broken(instance: Instance) -> str:
    """Why an instance that was ready cannot be used any more; empty if it can."""
    if instance.state == InstanceState.STOPPED:
        return "Its instance was switched off outside the bot."
    return fault(instance) if instance.state == InstanceState.ERROR else ""


def _after_look(binder: Binder, observation: Observation, now: float, timeouts: Timeouts) -> Update:
    """Write down what its server said about its use, and warn or end accordingly."""
    looked = _looked(binder, observation.use, now, timeouts)
    step = _in_time(_changed(binder, looked), observation, now, timeouts)
    moved = looked["activity"] != binder.activity
    card = False if moved and step.card is None else step.card
    return replace(step, changes={**looked, "missing_since": None, **step.changes}, card=card)


def _looked(binder: Binder, use: ObservedUse | None, now: float, timeouts: Timeouts) -> dict[str, Any]:
    if use is None:  # that does not mean idle: it cannot end as idle before it was seen idle again
        awake = max(binder.awake_until, now + timeouts.policy.warning + 2 * timeouts.look)
        return {"looked_at": now, "activity": Activity.UNKNOWN, "awake_until": awake}
    used_at = _newest(binder.used_at, now if use.activity == Activity.BUSY else use.used_at)
    counted = {} if use.changed_files is None else {"changed_files": use.changed_files, "counted_at": now}
    return {"looked_at": now, "activity": use.activity, "used_at": used_at} | counted


def _changed(binder: Binder, changes: Mapping[str, Any]) -> Binder:
    """Copy a row, with changes that are not written yet."""
    columns = {name: getattr(binder, name) for name in Binder.__mapper__.column_attrs.keys()}  # noqa: SIM118 - not a dict
    return Binder(**(columns | dict(changes)))


def _in_time(binder: Binder, observation: Observation, now: float, timeouts: Timeouts) -> Update:
    """Warn, withdraw or end, as its deadlines say."""
    ended = deadlines.may_end(binder, observation.notices, now, timeouts.policy)
    if ended is None:
        return expiry.watch(binder, observation, now, timeouts, next_look=timeouts.until_next_round(now))
    if ended.reason == Reason.IDLE and timeouts.shelves_idle:
        return shelving.begin_to_shelve(binder, now)
    return expiry.expired(binder, now, ended.reason, timeouts)


def _newest(one: float | None, other: float | None) -> float | None:
    return max((each for each in (one, other) if each is not None), default=None)


def _unwind(binder: Binder, observation: Observation, now: float, timeouts: Timeouts) -> Action | Update:
    if not observation.known:
        return Update(next_in=timeouts.poll)
    if waits := _held(binder, observation, now):
        return Update(next_in=min(waits, timeouts.ready_poll))
    if observation.leftovers or binder.resource_ids:
        deleting = binder.status == Status.DELETING
        return Remove() if deleting else Update(enter(binder, Status.DELETING, now), card=True)
    if _attempt_is_open(binder, now, timeouts):
        return Update(next_in=timeouts.poll)
    says = () if binder.ending == Ending.FAILED else (MessageKind.GONE,)
    gone = enter(binder, Status.GONE, now, gone_at=now, response_url=None)
    return Update(gone, says=says, card=True, settles=Outcome.OVER)


def _attempt_is_open(binder: Binder, now: float, timeouts: Timeouts) -> bool:
    return binder.attempt_at is not None and now - binder.attempt_at < timeouts.attempt


def _held(binder: Binder, observation: Observation, now: float) -> float:
    """Seconds for which teardown has to wait; 0 where it need not."""
    if binder.status == Status.DELETING:
        return 0.0
    if observation.saving and now - (binder.ended_at or now) < _SAVING_PATIENCE_SECONDS:
        return 1.0
    return max(binder.kept_until - now, 0.0) if binder.ending == Ending.FAILED else 0.0


def _or_late(binder: Binder, now: float, limit: float, sentence: str, log: str = "") -> Update | None:
    return fail(now, sentence, log=log) if now - binder.status_since > limit else None


def _heartbeat(binder: Binder, report: Report | None, now: float, timeouts: Timeouts) -> Update:
    if report is None:
        return Update(next_in=timeouts.poll)
    progress = _progress(binder, report)
    if stage := stages.begun_by(report.phase, binder.stages):
        progress["stages"] = dict(binder.stages) | {stage: now}
        return Update(progress, next_in=timeouts.poll, card=True)
    changed = {name: value for name, value in progress.items() if getattr(binder, name) != value}
    return Update(changed, next_in=timeouts.poll, card=False if {"line", "fraction"} & set(changed) else None)


def _progress(binder: Binder, report: Report) -> dict[str, Any]:
    return {
        "fraction": report.fraction,
        "line": report.line,
        "log": report.log,
        "missing_since": None,
        **_build_of(binder, report),
    }


def _log(report: Report | None) -> str:
    return report.log if report is not None else ""


_TOWARDS_READY: Mapping[Status, Callable[[Binder, Observation, float, Timeouts], Action | Update]] = {
    Status.REQUESTED: _requested,
    Status.CREATING: _creating,
    Status.BOOTING: _booting,
    Status.BUILDING: _building,
    Status.READY: _ready,
    Status.SHELVING: shelving.plan,
    Status.SHELVED: shelving.plan,
    Status.UNSHELVING: shelving.plan,
    Status.WAITING: warm_instance.wait,
    Status.DELETING: _replacing,
}
"""No entry for `gone`, which never changes back."""
