"""What should happen to a binder next. Pure: no clock, no network, no session.

`plan` looks at a row and at what was seen, and names one small step. Whoever asks again with the same row and
the same sight gets the same step, so a process may die at any line.

    requested -> creating -> booting -> building -> ready -> deleting -> gone

and beside it, where the cloud can (see `bot.binders.shelving`):

    ready -> shelving -> shelved -> unshelving -> ready

A failure is not a status: it is the target `gone` with a reason, so cleaning up always runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from bot.binders import deadlines, expiry, shelving
from bot.binders.actions import (
    Announce,
    Create,
    Expose,
    MarkEnd,
    Observation,
    ObservedUse,
    Prune,
    Remove,
    Resolve,
    Save,
    Step,
    Timeouts,
    end,
    enter,
    fail,
    fault,
    missing,
)
from bot.provisioning.base import Instance, InstanceState, Phase, Report
from storage.models import Activity, Binder, Ending, MessageKind, Outcome, Reason, Status, Target

WARNED = frozenset({Status.READY, Status.SHELVING, Status.SHELVED, Status.UNSHELVING})
"""The statuses in which a binder holds somebody's work, so that it never ends by itself without warning."""
_REPLACEABLE = frozenset({"no-egress"})
"""Failures of the host, not of the repository: another instance may be lucky."""
_SAVING_PATIENCE_SECONDS = 900.0
"""How long a teardown waits for the changes to be saved."""


def plan(binder: Binder, seen: Observation, now: float, rules: Timeouts) -> Step:
    """Name the next step for a binder that is not gone.

    Args:
        binder: Its row.
        seen: What was observed after the row was read.
        now: Unix seconds, UTC, by the database's clock.
        rules: How patient to be.
    """
    if binder.target == Target.GONE:
        return _unwind(binder, seen, now, rules)
    if binder.status not in WARNED | {Status.REQUESTED} and now >= binder.ends_at:
        return end(now, Ending.EXPIRED, ended_for=Reason.LIFETIME)
    if binder.status != Status.REQUESTED and seen.instance is not None and len(seen.instances) > 1:
        return Prune(seen.instance.ref)
    return _TOWARDS_READY[binder.status](binder, seen, now, rules)


def wants_report(binder: Binder) -> bool:
    """Whether the inside of the instance, and its server, should be looked at before planning."""
    return binder.target != Target.GONE and binder.status in {Status.BOOTING, Status.BUILDING}


def wants_answer(binder: Binder) -> bool:
    """Whether it should be tried before planning whether the server answers."""
    return wants_report(binder) or (binder.target != Target.GONE and binder.status == Status.UNSHELVING)


def wants_look(binder: Binder, now: float, rules: Timeouts) -> bool:
    """Whether the server should be asked about its use: now and then, and before it ends idle."""
    if binder.target == Target.GONE or binder.status != Status.READY:
        return False
    next_end = deadlines.upcoming(binder)
    idle_at = next_end.at if next_end is not None and next_end.reason == Reason.IDLE else None
    ends_idle = idle_at is not None and binder.looked_at < idle_at <= now
    return ends_idle or now - binder.looked_at >= rules.look


def wants_survey(binder: Binder) -> bool:
    """Whether the cloud has to be looked at before planning."""
    return not (binder.target != Target.GONE and _unresolved(binder))


def _unresolved(binder: Binder) -> bool:
    return binder.status == Status.REQUESTED and binder.resolved_at is None


def _requested(binder: Binder, seen: Observation, now: float, rules: Timeouts) -> Step:
    if _unresolved(binder):
        return Resolve()
    if not seen.known:
        return Save(next_in=rules.poll)
    if seen.instance is not None:
        adopted = {"parts": dict(binder.parts) | {"server": seen.instance.ref}}
        return Save(
            enter(binder, Status.CREATING, now, stage="instance", waiting_for=None, **adopted), card=True
        )
    if _attempt_is_open(binder, now, rules):
        return Save(next_in=rules.poll)
    if (binder.waiting_for or binder.attempt_at) and now - binder.status_since > rules.capacity:
        why = binder.waiting_for or "The cloud never said what became of the instance."
        return fail(now, why, hint="Try again later, or choose another size.")
    return Create()


def _creating(binder: Binder, seen: Observation, now: float, rules: Timeouts) -> Step:
    if not seen.known:
        return Save(next_in=rules.poll)
    instance = seen.instance
    if instance is None:
        if _attempt_is_open(binder, now, rules):
            return Save(next_in=rules.poll)
        return missing(binder, now, rules, "Its instance vanished while it was being made.")
    if instance.state == InstanceState.ERROR:
        return fail(now, fault(instance))
    if instance.url is None:
        return _or_late(binder, now, rules.boot, "It got no address in time.") or Expose()
    return Save(enter(binder, Status.BOOTING, now, server_url=instance.url), card=True)


def _booting(binder: Binder, seen: Observation, now: float, rules: Timeouts) -> Step:
    early = _inside(binder, seen, now, rules)
    if early is not None:
        return early
    if seen.report is not None and seen.report.phase != Phase.BOOTING:
        return Save(enter(binder, Status.BUILDING, now, stage="build", **_progress(seen.report)), card=True)
    late = _or_late(binder, now, rules.boot, "The instance was made, but nothing inside it reported in time.")
    return late or Save(next_in=rules.poll)


def _building(binder: Binder, seen: Observation, now: float, rules: Timeouts) -> Step:
    early = _inside(binder, seen, now, rules)
    if early is not None:
        return early
    minutes = round(rules.build / 60)
    late = _or_late(
        binder, now, rules.build, f"It was not built within {minutes} minutes.", _log(seen.report)
    )
    return late or _heartbeat(binder, seen.report, now, rules)


def _inside(binder: Binder, seen: Observation, now: float, rules: Timeouts) -> Step | None:
    """Judge what was seen of a machine at work: broken, failed, answering, or None for neither."""
    if not seen.known:
        return Save(next_in=rules.poll)
    if seen.report is not None and seen.report.phase == Phase.FAILED:
        return _reported_failure(binder, seen.report, now, rules)
    if seen.instance is None:
        return missing(binder, now, rules, "Its instance was removed outside the bot.")
    if seen.instance.state == InstanceState.ERROR:
        return fail(now, fault(seen.instance), log=_log(seen.report))
    if seen.answers and binder.server_url:
        return Announce(binder.server_url)
    return None


def _reported_failure(binder: Binder, report: Report, now: float, rules: Timeouts) -> Save:
    if report.code in _REPLACEABLE and binder.replaced < rules.replacements:
        return Save(enter(binder, Status.DELETING, now, replaced=binder.replaced + 1), card=True)
    sentence, kept_until = report.reason or "The build failed.", now + rules.failed if rules.failed else 0.0
    return fail(now, sentence, hint=report.hint, log=report.log, kept_until=kept_until)


def _replacing(binder: Binder, seen: Observation, now: float, rules: Timeouts) -> Step:
    """Make room for another instance: this one came up broken."""
    if not seen.known:
        return Save(next_in=rules.poll)
    if seen.leftovers or binder.parts:
        return Remove()
    anew = enter(binder, Status.REQUESTED, now, attempt_at=None, server_url=None, log="", line="")
    return Save(anew | {"fraction": None}, card=True)


def _ready(binder: Binder, seen: Observation, now: float, rules: Timeouts) -> Step:
    if not seen.known:
        return Save(next_in=rules.ready_poll)
    if seen.instance is None:
        return missing(binder, now, rules, "It was removed outside the bot.", Ending.LOST)
    if broken := _broken(seen.instance):
        return fail(now, broken, ending=Ending.LOST)
    if binder.target == Target.SHELVED:
        return Save(enter(binder, Status.SHELVING, now), card=True, settles=Outcome.OVER)
    if wants_look(binder, now, rules):
        return _after_look(binder, seen, now, rules)
    step = _in_time(binder, seen, now, rules)
    # After all else: a cloud that lets nobody mark anything must keep no binder from being warned, or ended.
    return MarkEnd(step.next_in) if step.is_quiet and _is_marked_wrongly(binder, seen.instance) else step


def _is_marked_wrongly(binder: Binder, instance: Instance) -> bool:
    """Whether the cloud, which counts whole seconds, knows another end: somebody has kept it since."""
    return instance.ends_at is not None and abs(instance.ends_at - binder.ends_at) >= 1


def _broken(instance: Instance) -> str:
    """Why an instance that was ready is of no use any more; empty where it is."""
    if instance.state == InstanceState.STOPPED:
        return "It was switched off outside the bot."
    return fault(instance) if instance.state == InstanceState.ERROR else ""


def _after_look(binder: Binder, seen: Observation, now: float, rules: Timeouts) -> Save:
    """Write down what its server told of its use, and draw the conclusions."""
    looked = _looked(binder, seen.use, now, rules)
    step = _in_time(_changed(binder, looked), seen, now, rules)
    moved = looked["activity"] != binder.activity
    card = False if moved and step.card is None else step.card
    return replace(step, changes={**looked, "missing_since": None, **step.changes}, card=card)


def _looked(binder: Binder, use: ObservedUse | None, now: float, rules: Timeouts) -> dict[str, Any]:
    if use is None:  # which is no idleness: it cannot end for it before it was seen idle again
        awake = max(binder.awake_until, now + rules.policy.warning + 2 * rules.look)
        return {"looked_at": now, "activity": Activity.UNKNOWN, "awake_until": awake}
    used_at = _newest(binder.used_at, now if use.activity == Activity.BUSY else use.used_at)
    counted = {} if use.changed_files is None else {"changed_files": use.changed_files, "counted_at": now}
    return {"looked_at": now, "activity": use.activity, "used_at": used_at} | counted


def _changed(binder: Binder, changes: Mapping[str, Any]) -> Binder:
    """Copy a row, with changes that are not written yet."""
    columns = {name: getattr(binder, name) for name in Binder.__mapper__.column_attrs.keys()}  # noqa: SIM118 - not a dict
    return Binder(**(columns | dict(changes)))


def _in_time(binder: Binder, seen: Observation, now: float, rules: Timeouts) -> Save:
    """Warn, withdraw or end, as its deadlines say."""
    ended = deadlines.may_end(binder, seen.notices, now, rules.policy)
    if ended is None:
        return expiry.watch(binder, seen, now, rules, next_look=_until_next_round(now, rules))
    if ended.reason == Reason.IDLE and rules.shelves_idle:
        return shelving.put_away(binder, now)
    return expiry.expired(binder, now, ended.reason, rules)


def _until_next_round(now: float, rules: Timeouts) -> float:
    """Seconds until all ready binders are looked at again: at once, so that one listing serves them."""
    return rules.ready_poll - now % rules.ready_poll


def _newest(one: float | None, other: float | None) -> float | None:
    return max((each for each in (one, other) if each is not None), default=None)


def _unwind(binder: Binder, seen: Observation, now: float, rules: Timeouts) -> Step:
    if not seen.known:
        return Save(next_in=rules.poll)
    if waits := _held(binder, seen, now):
        return Save(next_in=min(waits, rules.ready_poll))
    if seen.leftovers or binder.parts:
        deleting = binder.status == Status.DELETING
        return Remove() if deleting else Save(enter(binder, Status.DELETING, now), card=True)
    if _attempt_is_open(binder, now, rules):
        return Save(next_in=rules.poll)
    says = () if binder.ending == Ending.FAILED else (MessageKind.GONE,)
    gone = enter(binder, Status.GONE, now, gone_at=now, response_url=None)
    return Save(gone, says=says, card=True, settles=Outcome.OVER)


def _attempt_is_open(binder: Binder, now: float, rules: Timeouts) -> bool:
    return binder.attempt_at is not None and now - binder.attempt_at < rules.attempt


def _held(binder: Binder, seen: Observation, now: float) -> float:
    """Seconds for which teardown has to wait; 0 where it need not."""
    if binder.status == Status.DELETING:
        return 0.0
    if seen.saving and now - (binder.ended_at or now) < _SAVING_PATIENCE_SECONDS:
        return 1.0
    return max(binder.kept_until - now, 0.0) if binder.ending == Ending.FAILED else 0.0


def _or_late(binder: Binder, now: float, limit: float, sentence: str, log: str = "") -> Save | None:
    return fail(now, sentence, log=log) if now - binder.status_since > limit else None


def _heartbeat(binder: Binder, report: Report | None, now: float, rules: Timeouts) -> Save:
    if report is None:
        return Save(next_in=rules.poll)
    progress = _progress(report)
    if report.phase in {Phase.STARTING, Phase.SERVING} and "server" not in (binder.stages or {}):
        progress["stages"] = dict(binder.stages) | {"server": now}
        return Save(progress, next_in=rules.poll, card=True)
    changed = {name: value for name, value in progress.items() if getattr(binder, name) != value}
    return Save(changed, next_in=rules.poll, card=False if {"line", "fraction"} & set(changed) else None)


def _progress(report: Report) -> dict[str, Any]:
    return {"fraction": report.fraction, "line": report.line, "log": report.log, "missing_since": None}


def _log(report: Report | None) -> str:
    return report.log if report is not None else ""


_TOWARDS_READY: Mapping[Status, Callable[[Binder, Observation, float, Timeouts], Step]] = {
    Status.REQUESTED: _requested,
    Status.CREATING: _creating,
    Status.BOOTING: _booting,
    Status.BUILDING: _building,
    Status.READY: _ready,
    Status.SHELVING: shelving.plan,
    Status.SHELVED: shelving.plan,
    Status.UNSHELVING: shelving.plan,
    Status.DELETING: _replacing,
}
"""No entry for `gone`, which never changes back."""
