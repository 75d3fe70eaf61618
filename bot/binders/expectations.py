"""How long a launch should take, as far as earlier launches tell. Pure.

The nearest launches count: those of the same build, else those of the same repository, else those of the same
kind. Like is compared with like: launches that build, launches that find their image, and launches with a
warm instance. Where there is too little to compare with, nothing is expected.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from statistics import median
from typing import Any, Self

from bot.binders import stages
from bot.binders.distribution import Distribution
from storage.history_models import PastLaunch
from storage.models import Binder, Status, Target

NEWEST = 20
"""How many launches are compared with: the newest, because sites and repositories change."""
KIND_LEAST = 3
"""How many launches of a kind have to be known: other repositories tell less than this one."""
LATE_FACTOR = 1.5
LATE_SECONDS = 10.0
"""A launch is late after the longest of three times: what nine in ten needed, `LATE_FACTOR` times the usual
time, and `LATE_SECONDS` more than the usual time."""

BUILT, PULLED, KEPT = "built", "pulled", "kept"
"""How a launch gets its image: see `bot.provisioning.base.ReportedImage`."""
_AT_WORK = frozenset({Status.REQUESTED, Status.CREATING, Status.BOOTING, Status.BUILDING})


class Basis(StrEnum):
    """Which launches an expectation comes from."""

    NONE = ""
    """There are too few; nothing is expected."""
    BUILD = "build"
    """The same commit of the same repository, with the same additions."""
    REPOSITORY = "repository"
    """Other commits of the same repository."""
    KIND = "kind"
    """Other repositories that are built with the same tool."""


@dataclass(frozen=True, slots=True)
class PastLaunches:
    """The earlier launches that one launch may be compared with, the newest first in each.

    Attributes:
        found: Of the same build, which found their image.
        built: Of the same build, which built it.
        repository: Of the same repository, which built.
        kind: Of the same kind, which got their image in the way that this launch does.
    """

    found: Sequence[PastLaunch] = ()
    built: Sequence[PastLaunch] = ()
    repository: Sequence[PastLaunch] = ()
    kind: Sequence[PastLaunch] = ()


@dataclass(frozen=True, slots=True)
class Expectation:
    """How long a launch should take, as its row keeps it.

    Attributes:
        asked: What was known of the launch when this was found out: see `question`.
        basis: Where the numbers come from.
        how: How it should get its image: `built`, `pulled` or `kept`.
        seconds: The usual time from the request to the links, without waiting for capacity.
        late_after: Seconds after which it takes longer than usual.
        stages: The usual seconds of each stage.
        is_late: Whether it was seen to take longer than usual.
    """

    asked: str
    basis: Basis = Basis.NONE
    how: str = BUILT
    seconds: float = 0.0
    late_after: float = 0.0
    stages: Mapping[str, float] = field(default_factory=dict)
    is_late: bool = False

    def as_row(self) -> dict[str, Any]:
        """The form in which a row keeps it."""
        return asdict(self) | {"basis": str(self.basis)}

    @classmethod
    def of(cls, binder: Binder) -> Self | None:
        """What is expected of a binder; None where that was not looked up yet."""
        row = binder.expected or {}
        return cls(**(row | {"basis": Basis(row["basis"])})) if row else None


def is_at_work(binder: Binder) -> bool:
    """Whether a binder is on its way to its first links, and its commit is known."""
    is_launching = binder.status in _AT_WORK and binder.target == Target.READY and not binder.is_warm
    return is_launching and binder.resolved_at is not None and binder.ready_at is None


def question(binder: Binder) -> str:
    """What decides which launches it is compared with, as far as it is known by now."""
    marks = ("stored" if binder.has_image else "", "warm" if is_warm(binder) else "")
    return "/".join([how_seen(binder), kind_of(binder), *marks])


def is_open(binder: Binder) -> bool:
    """Whether earlier launches have to be looked up: never done, or more is known of the launch now."""
    known = Expectation.of(binder)
    return is_at_work(binder) and (known is None or known.asked != question(binder))


def how_seen(binder: Binder) -> str:
    """How the launch gets its image, as far as was seen; empty before that."""
    begun = binder.stages or {}
    reported = str((binder.image or {}).get("how", ""))
    return reported or ("build" in begun and BUILT) or ("pull" in begun and PULLED) or ""


def is_warm(binder: Binder) -> bool:
    """Whether a launch took an instance of the warm pool, which had booted before."""
    return binder.instance_id is not None


def kind_of(binder: Binder) -> str:
    """What it is built with, as far as its instance reported that."""
    return str((binder.image or {}).get("kind", "")) or binder.kind or ""


def expect(binder: Binder, past: PastLaunches, *, keeps_images: bool) -> Expectation:
    """Find out how long a launch should take.

    Args:
        binder: A binder on its way to its first links.
        past: The earlier launches to compare it with.
        keeps_images: Whether the machine of the next launch has the image of the last one.
    """
    how = how_seen(binder) or _how_probably(binder, past, keeps_images=keeps_images)
    same_build = past.built if how == BUILT else _found(past, how)
    candidates = (
        (Basis.BUILD, same_build, 1),
        (Basis.REPOSITORY, past.repository if how == BUILT else (), 1),
        (Basis.KIND, past.kind if kind_of(binder) else (), KIND_LEAST),
    )
    basis, launches = next(
        ((basis, launches) for basis, launches, least in candidates if len(launches) >= least),
        (Basis.NONE, ()),
    )
    return _summary(question(binder), basis, how, launches)


def is_late(binder: Binder, expected: Expectation, now: float) -> bool:
    """Whether a launch has taken longer than usual by now, in Unix seconds."""
    return expected.basis != Basis.NONE and elapsed(binder, now) > expected.late_after


def elapsed(binder: Binder, now: float) -> float:
    """Seconds since the request, without the wait for free capacity."""
    return total(stages.seconds(binder.stages, now))


def total(taken: Mapping[str, float]) -> float:
    """The seconds of a launch from those of its stages."""
    return sum(each for stage, each in taken.items() if stage != stages.CAPACITY)


def slow_stage(binder: Binder, now: float) -> str | None:
    """The stage that takes most of the time that a late launch takes longer; None where none stands out."""
    known = Expectation.of(binder)
    usual = known.stages if known else {}
    begun = stages.seconds(binder.stages, now)
    excess = {name: taken - usual.get(name, 0.0) for name, taken in begun.items() if name != stages.CAPACITY}
    return max(excess, key=excess.__getitem__) if excess and max(excess.values()) > 0 else None


def _how_probably(binder: Binder, past: PastLaunches, *, keeps_images: bool) -> str:
    """How a launch that has not begun to get its image will get it."""
    if binder.rebuild:
        return BUILT
    if keeps_images and (past.found or past.built):
        return past.found[0].how if past.found else KEPT
    return PULLED if binder.has_image else BUILT


def _found(past: PastLaunches, how: str) -> Sequence[PastLaunch]:
    """Launches that found their image in this way.

    Before there is one on a machine that keeps images: those that built it, without their builds.
    """
    same = [each for each in past.found if each.how == how]
    return same or ([_without_build(each) for each in past.built] if how == KEPT else [])


def _without_build(launch: PastLaunch) -> PastLaunch:
    rest = {name: seconds for name, seconds in launch.stages.items() if name not in {"fetch", "build"}}
    return PastLaunch(how=launch.how, seconds=total(rest), stages=rest)


def _summary(asked: str, basis: Basis, how: str, launches: Sequence[PastLaunch]) -> Expectation:
    if basis == Basis.NONE:
        return Expectation(asked, how=how)
    times = Distribution.of([each.seconds for each in launches[:NEWEST]])
    late_after = max(times.p90, times.median * LATE_FACTOR, times.median + LATE_SECONDS)
    return Expectation(asked, basis, how, times.median, late_after, _usual_stages(launches[:NEWEST]))


def _usual_stages(launches: Sequence[PastLaunch]) -> dict[str, float]:
    names = {name for each in launches for name in each.stages}
    return {
        name: median([each.stages[name] for each in launches if name in each.stages])
        for name in sorted(names - {stages.CAPACITY})
    }
