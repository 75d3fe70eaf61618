"""What should happen to a class next. Pure: no clock, no network, no session.

    planned -> first -> open -> ending -> over

The first seat finds the commit that all others get. Where images are kept it also builds the image that all
others take; otherwise each seat builds its own. Seats are launched at a steady pace: neither the cloud nor
Slack is flooded. The same class and the same numbers always give the same step, so a process may die at any
line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from storage.class_models import ClassPhase, SchoolClass
from storage.models import Binder
from storage.seats import MOST_LAUNCHES, SeatCounts
from storage.vocabulary import Ending, ImageState, Status, Target

FIRST_AHEAD_SECONDS = 1800.0
"""How long before people come the first seat is launched: it may have to build for long."""
OTHERS_AHEAD_SECONDS = 600.0
"""How long before people come the others are launched, where they need not build."""
IMAGE_PATIENCE_SECONDS = 900.0
"""How long the others wait for an image that is on its way into the registry."""
LAUNCHES_A_SECOND = 2.0
LAUNCHES_AT_ONCE = 2
NEWCOMERS_AT_ONCE = 25
"""How many people are given a seat in one step."""
WARM_SECONDS = 3600.0
"""How long the instances that wait for the image are kept in the warm pool."""


@dataclass(frozen=True, slots=True)
class ClassPolicy:
    """What a site can do for a class.

    Attributes:
        shares_build: Whether what the first seat builds saves the others the build.
        can_wait: Whether instances can wait, booted, for the image.
    """

    shares_build: bool = False
    can_wait: bool = False


@dataclass(frozen=True, slots=True)
class ClassState:
    """What there is of a class at one moment.

    Attributes:
        now: Unix seconds, UTC, by the database's clock.
        counts: How far its seats are.
        lacking: How many seats have no binder.
        first: The binder of its first seat; None also where nothing depends on it any more.
        first_launches: How often that was launched.
        image: How far the image that this binder built is on its way into the registry; None where it is not.
        newcomers: People for whom it is, and who have no seat.
        drained: What its teacher is told because nothing new is launched; empty where they know, and None
            where launches go on.
    """

    now: float
    counts: SeatCounts
    lacking: int = 0
    first: Binder | None = None
    first_launches: int = 0
    image: ImageState | None = None
    newcomers: Sequence[str] = ()
    drained: str | None = None


@dataclass(frozen=True, slots=True)
class ClassStep:
    """What is written in one transaction.

    Attributes:
        changes: Column values of the class.
        gives: Who gets a seat.
        launches: How many seats get a binder.
        warms: How many instances are asked of the warm pool.
        cools: Whether what was asked of the warm pool is taken back.
        ends_unused: Whether the binders are torn down that nobody has, or that are not ready.
        tells: What the teacher is told.
    """

    changes: Mapping[str, Any] = field(default_factory=dict)
    gives: Sequence[str] = ()
    launches: int = 0
    warms: int = 0
    cools: bool = False
    ends_unused: bool = False
    tells: str = ""


def plan(found: SchoolClass, state: ClassState, policy: ClassPolicy) -> ClassStep:
    """Name the next step for a class that is not over; an empty step where there is nothing to do."""
    step = _planned(found, state, policy)
    is_held = state.drained is not None and bool(step.launches or step.warms)
    return _held_back(step, state.drained or "") if is_held else step


def _held_back(step: ClassStep, tells: str) -> ClassStep:
    """What is left of a step while nothing new is launched."""
    changes = {name: value for name, value in step.changes.items() if name != "paced_at"}
    return replace(step, changes=changes, launches=0, warms=0, tells=tells)


def _planned(found: SchoolClass, state: ClassState, policy: ClassPolicy) -> ClassStep:
    if found.phase == ClassPhase.ENDING:
        return _finish(state)
    if state.now >= found.ends_at:
        return _end(found, state)
    if found.ended_by is not None:  # people are warned; until then, nothing new begins
        return ClassStep(_shown(state, found), cools=found.warm_request is not None)
    if found.phase == ClassPhase.PLANNED:
        is_time = state.now >= found.begins_at - FIRST_AHEAD_SECONDS
        return ClassStep({"phase": ClassPhase.FIRST}) if is_time else ClassStep()
    if found.phase == ClassPhase.FIRST:
        return _first(found, state, policy)
    return _open(found, state)


def _finish(state: ClassState) -> ClassStep:
    if state.counts.live:
        return ClassStep()
    return ClassStep({"phase": ClassPhase.OVER} | _shown(state))


def _end(found: SchoolClass, state: ClassState, **why: Any) -> ClassStep:
    changes = {"phase": ClassPhase.ENDING, "ended_at": state.now} | why
    return ClassStep(
        changes,
        cools=found.warm_request is not None,
        ends_unused=True,
        tells="failed" if why else "",
    )


def _failed(found: SchoolClass, state: ClassState, first: Binder) -> ClassStep:
    """Give up a class: what its first seat did not get, the others will not get either."""
    why = first.failure or "Its first seat could not be launched."
    return _end(found, state, failure=why, hint=first.hint)


def _first(found: SchoolClass, state: ClassState, policy: ClassPolicy) -> ClassStep:
    first = state.first
    if first is None or (_has_failed(first) and _may_be_repeated(first, state)):
        return ClassStep(_paced(found, state, 1), launches=1)
    if _has_failed(first):
        return _failed(found, state, first)
    changes = _resolved(found, first) | _shown(state, found)
    if _may_open(found, first, state, policy):
        return ClassStep(changes | {"phase": ClassPhase.OPEN})
    warms = state.lacking if policy.can_wait and _wants_warm(found, first, state, policy) else 0
    return ClassStep(changes, gives=state.newcomers, warms=warms)


def _open(found: SchoolClass, state: ClassState) -> ClassStep:
    if state.first is not None and _cannot_be_built(state.first) and not state.counts.ready:
        return _failed(found, state, state.first)
    launches = min(state.lacking, LAUNCHES_AT_ONCE) if state.now >= found.paced_at else 0
    changes = _shown(state, found) | (_paced(found, state, launches) if launches else {})
    is_complete = not state.lacking and not state.newcomers and not state.counts.waiting
    return ClassStep(
        changes,
        gives=state.newcomers,
        launches=launches,
        cools=found.warm_request is not None and not state.lacking,
        tells="ready" if is_complete and state.counts.ready and changes else "",
    )


def _may_open(found: SchoolClass, first: Binder, state: ClassState, policy: ClassPolicy) -> bool:
    """Whether the others may be launched: the commit is known, and the image is there if it is shared."""
    if first.target == Target.GONE:  # whoever had it tore it down: nothing more is learned from it
        return True
    if first.resolved_at is None:
        return False
    if not policy.shares_build:
        return True
    return _image_is_there(first, state) and state.now >= found.begins_at - OTHERS_AHEAD_SECONDS


def _image_is_there(first: Binder, state: ClassState) -> bool:
    if first.has_image:
        return True
    if first.ready_at is None:
        return False
    is_on_its_way = state.image in {ImageState.BUILT, ImageState.PUSHING}
    return not is_on_its_way or state.now - first.ready_at > IMAGE_PATIENCE_SECONDS


def _wants_warm(found: SchoolClass, first: Binder, state: ClassState, policy: ClassPolicy) -> bool:
    """Whether the instances of the others should boot while the first one builds."""
    is_soon = state.now >= found.begins_at - OTHERS_AHEAD_SECONDS
    builds = policy.shares_build and first.status in {Status.CREATING, Status.BOOTING, Status.BUILDING}
    return is_soon and builds and not first.has_image and found.warm_request is None


def _has_failed(first: Binder) -> bool:
    return first.target == Target.GONE and first.ending == Ending.FAILED


def _may_be_repeated(first: Binder, state: ClassState) -> bool:
    """Whether another try may help: what was built and failed fails again."""
    return not _cannot_be_built(first) and state.first_launches < MOST_LAUNCHES


def _cannot_be_built(first: Binder) -> bool:
    return _has_failed(first) and "build" in first.stages


def _resolved(found: SchoolClass, first: Binder) -> dict[str, Any]:
    if found.resolved_at is not None or first.resolved_at is None:
        return {}
    facts = ("commit", "is_tip", "ref", "path", "resolved_at", "needs_right")
    return {name: getattr(first, name) for name in facts}


def _paced(found: SchoolClass, state: ClassState, launches: int) -> dict[str, Any]:
    return {"paced_at": max(found.paced_at, state.now) + launches / LAUNCHES_A_SECOND}


def _shown(state: ClassState, found: SchoolClass | None = None) -> dict[str, Any]:
    shown = state.counts.as_row()
    return {} if found is not None and found.shown == shown else {"shown": shown}
