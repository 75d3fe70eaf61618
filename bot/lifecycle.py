"""What should happen to a binder next. Pure: no clock, no network, no session.

`plan` looks at a row and at what was seen, and names one small step. Whoever asks again with the same row and
the same sight gets the same step, so a process may die at any line.

    requested -> creating -> booting -> building -> ready -> deleting -> gone

A failure is not a status: it is the target `gone` with a reason, so cleaning up always runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.provisioning.base import Instance, InstanceState, Phase, Report
from storage.models import Binder, Ending, MessageKind, Status, Target

BACKOFF_SECONDS = (2.0, 5.0, 15.0, 30.0, 60.0)
"""How long to wait after the first, second, … failed try of a step; the last one for all further tries."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How patient the bot is with one cloud, in seconds.

    Attributes:
        poll: Between two looks while an instance is being made or built.
        ready_poll: Between two looks at a ready binder.
        attempt: How long a `create` whose answer was lost may still bring an instance forth.
        missing: Between the two sightings that make an absence believed.
        boot: Until an instance has an address and reports for the first time.
        build: From the first report until the server answers.
        capacity: How long a launch waits for room.
    """

    poll: float
    ready_poll: float
    attempt: float
    missing: float
    boot: float
    build: float
    capacity: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What was observed of one binder, after its row was read.

    Attributes:
        known: Whether the cloud answered. Where it did not, nothing may be concluded: unknown means alive.
        instances: Its instances, the oldest first.
        leftovers: Whether anything at all of it is in the cloud.
        report: What the inside of the instance said last.
        answers: Whether its server answers over HTTP.
    """

    known: bool = True
    instances: tuple[Instance, ...] = ()
    leftovers: bool = False
    report: Report | None = None
    answers: bool = False

    @property
    def instance(self) -> Instance | None:
        """The one that is kept: the oldest."""
        return self.instances[0] if self.instances else None


@dataclass(frozen=True, slots=True)
class Resolve:
    """Look the repository up."""


@dataclass(frozen=True, slots=True)
class Create:
    """Record the attempt, then have an instance made."""


@dataclass(frozen=True, slots=True)
class Expose:
    """Take a step towards an address."""


@dataclass(frozen=True, slots=True)
class Announce:
    """Find the interfaces that answer at this URL, and post them."""

    url: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Take a step of teardown."""


@dataclass(frozen=True, slots=True)
class Save:
    """Write these changes, tell of them, and look again.

    Attributes:
        changes: Column values.
        next_in: Seconds until the next look.
        says: What the thread is owed.
        card: Whether the status message changes; None for not at all, False for the slow heartbeat.
        facts: What the words need beyond the row.
    """

    changes: Mapping[str, Any] = field(default_factory=dict)
    next_in: float = 0.0
    says: tuple[MessageKind, ...] = ()
    card: bool | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


Step = Resolve | Create | Expose | Announce | Remove | Save


def plan(binder: Binder, seen: Seen, now: float, rules: Rules) -> Step:
    """Name the next step for a binder that is not gone.

    Args:
        binder: Its row.
        seen: What was observed after the row was read.
        now: Unix seconds, UTC, by the database's clock.
        rules: How patient to be.
    """
    if binder.target == Target.GONE:
        return _unwind(binder, seen, now, rules)
    if binder.status != Status.REQUESTED and now >= binder.ends_at:
        return end(now, Ending.EXPIRED)
    return _TOWARDS_READY[binder.status](binder, seen, now, rules)


def wants_report(binder: Binder) -> bool:
    """Whether the inside of the instance, and its server, should be looked at before planning."""
    return binder.target == Target.READY and binder.status in {Status.BOOTING, Status.BUILDING}


def wants_survey(binder: Binder) -> bool:
    """Whether the cloud has to be looked at before planning."""
    return not (binder.target == Target.READY and _unresolved(binder))


def backoff(retries: int) -> float:
    """Seconds to wait after that many failed tries of one step."""
    return BACKOFF_SECONDS[min(max(retries, 1), len(BACKOFF_SECONDS)) - 1]


def enter(
    binder: Binder, status: Status, now: float, *, stage: str | None = None, **changes: Any
) -> dict[str, Any]:
    """Collect the changes of entering a status, and of beginning the stage that people see."""
    stages = dict(binder.stages or {})
    if stage is not None:
        stages.setdefault(stage, now)
    return {
        "status": status,
        "status_since": now,
        "stages": stages,
        "retries": 0,
        "missing_since": None,
    } | changes


def fail(now: float, sentence: str, *, ending: Ending = Ending.FAILED, **changes: Any) -> Save:
    """End a binder for a reason that its owner must read; `changes` may hold a `hint` and a `log`."""
    changes = {"hint": None} | {name: value for name, value in changes.items() if value != ""}
    says = (MessageKind.FAILED,) if ending == Ending.FAILED else ()
    return end(now, ending, says=says, failure=sentence, waiting_for=None, **changes)


def end(now: float, ending: Ending, *, says: tuple[MessageKind, ...] = (), **changes: Any) -> Save:
    """Make `gone` the target; teardown begins with the next look."""
    whole = {
        "target": Target.GONE,
        "ending": ending,
        "ended_by": None,
        "ended_at": now,
        "retries": 0,
    } | changes
    return Save(whole, says=says, card=True)


def _unresolved(binder: Binder) -> bool:
    return binder.status == Status.REQUESTED and binder.resolved_at is None


def _requested(binder: Binder, seen: Seen, now: float, rules: Rules) -> Step:
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


def _creating(binder: Binder, seen: Seen, now: float, rules: Rules) -> Step:
    if not seen.known:
        return Save(next_in=rules.poll)
    instance = seen.instance
    if instance is None:
        if _attempt_is_open(binder, now, rules):
            return Save(next_in=rules.poll)
        return _missing(binder, now, rules, "Its instance vanished while it was being made.")
    if instance.state == InstanceState.ERROR:
        return fail(now, _fault(instance))
    if instance.url is None:
        return _or_late(binder, now, rules.boot, "It got no address in time.") or Expose()
    return Save(enter(binder, Status.BOOTING, now, server_url=instance.url), card=True)


def _booting(binder: Binder, seen: Seen, now: float, rules: Rules) -> Step:
    early = _inside(binder, seen, now, rules)
    if early is not None:
        return early
    if seen.report is not None and seen.report.phase != Phase.BOOTING:
        return Save(enter(binder, Status.BUILDING, now, stage="build", **_progress(seen.report)), card=True)
    late = _or_late(binder, now, rules.boot, "The instance was made, but nothing inside it reported in time.")
    return late or Save(next_in=rules.poll)


def _building(binder: Binder, seen: Seen, now: float, rules: Rules) -> Step:
    early = _inside(binder, seen, now, rules)
    if early is not None:
        return early
    minutes = round(rules.build / 60)
    late = _or_late(
        binder, now, rules.build, f"It was not built within {minutes} minutes.", _log(seen.report)
    )
    return late or _heartbeat(binder, seen.report, now, rules)


def _inside(binder: Binder, seen: Seen, now: float, rules: Rules) -> Step | None:
    """Judge what was seen of a machine at work: broken, failed, answering, or None for neither."""
    if not seen.known:
        return Save(next_in=rules.poll)
    if seen.report is not None and seen.report.phase == Phase.FAILED:
        sentence = seen.report.reason or "The build failed."
        return fail(now, sentence, hint=seen.report.hint, log=seen.report.log)
    if seen.instance is None:
        return _missing(binder, now, rules, "Its instance was removed outside the bot.")
    if seen.instance.state == InstanceState.ERROR:
        return fail(now, _fault(seen.instance), log=_log(seen.report))
    if seen.answers and binder.server_url:
        return Announce(binder.server_url)
    return None


def _ready(binder: Binder, seen: Seen, now: float, rules: Rules) -> Step:
    if not seen.known:
        return Save(next_in=rules.ready_poll)
    if seen.instance is None:
        return _missing(binder, now, rules, "It was removed outside the bot.", Ending.LOST)
    if seen.instance.state == InstanceState.ERROR:
        return fail(now, _fault(seen.instance), ending=Ending.LOST)
    if seen.instance.state == InstanceState.STOPPED:
        return fail(now, "It was switched off outside the bot.", ending=Ending.LOST)
    remaining = max(binder.ends_at - now, 0.0)
    return Save({"missing_since": None}, next_in=min(rules.ready_poll, remaining))


def _unwind(binder: Binder, seen: Seen, now: float, rules: Rules) -> Step:
    if not seen.known:
        return Save(next_in=rules.poll)
    if seen.leftovers or binder.parts:
        deleting = binder.status == Status.DELETING
        return Remove() if deleting else Save(enter(binder, Status.DELETING, now), card=True)
    if _attempt_is_open(binder, now, rules):
        return Save(next_in=rules.poll)
    says = () if binder.ending == Ending.FAILED else (MessageKind.GONE,)
    gone = enter(binder, Status.GONE, now, gone_at=now, response_url=None)
    return Save(gone, says=says, card=True)


def _attempt_is_open(binder: Binder, now: float, rules: Rules) -> bool:
    return binder.attempt_at is not None and now - binder.attempt_at < rules.attempt


def _missing(binder: Binder, now: float, rules: Rules, sentence: str, ending: Ending = Ending.FAILED) -> Save:
    """Believe an absence only when it is seen for the second time, a while after the first."""
    if binder.missing_since is None:
        return Save({"missing_since": now}, next_in=rules.missing)
    if now - binder.missing_since < rules.missing:
        return Save(next_in=rules.poll)
    return fail(now, sentence, ending=ending)


def _or_late(binder: Binder, now: float, limit: float, sentence: str, log: str = "") -> Save | None:
    return fail(now, sentence, log=log) if now - binder.status_since > limit else None


def _heartbeat(binder: Binder, report: Report | None, now: float, rules: Rules) -> Save:
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


def _fault(instance: Instance) -> str:
    return f"The cloud could not run the instance: {instance.fault.rstrip('.') or 'it gave no reason'}."


_TOWARDS_READY: Mapping[Status, Callable[[Binder, Seen, float, Rules], Step]] = {
    Status.REQUESTED: _requested,
    Status.CREATING: _creating,
    Status.BOOTING: _booting,
    Status.BUILDING: _building,
    Status.READY: _ready,
}
"""No entry for `deleting` and `gone`: these follow the target `gone`, which never changes back."""
