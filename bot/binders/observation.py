"""What is observed of a binder before the next step is planned, and what is worth asking. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.binders import deadlines
from bot.binders.expectations import Expectation
from bot.binders.timeouts import Timeouts
from bot.provisioning.base import Instance, Report
from storage.models import Activity, Binder, Notice, Reason, Status, Target


@dataclass(frozen=True, slots=True)
class ObservedUse:
    """What a ready server said about its use.

    Attributes:
        activity: What goes on in it.
        used_at: The newest sign of use, Unix seconds UTC, never in the future; None where there is none.
        changed_files: How many files differ from what was launched; None where they were not counted.
    """

    activity: Activity
    used_at: float | None = None
    changed_files: int | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """What was observed of one binder, after its row was read.

    Attributes:
        known: Whether the cloud answered. If it did not, nothing may be concluded: unknown means alive.
        instances: Its instances: the one in its row first, then the oldest.
        leftovers: Whether anything of it is in the cloud.
        report: The last report of the instance itself.
        answers: Whether its server answers over HTTP.
        use: What its server said about its use; None if it was not asked, or did not answer.
        notices: All warnings about this binder so far.
        saving: Whether its changes are still on their way to the thread.
        expected: How long its launch should take; None if that was not looked up.
    """

    known: bool = True
    instances: tuple[Instance, ...] = ()
    leftovers: bool = False
    report: Report | None = None
    answers: bool = False
    use: ObservedUse | None = None
    notices: Sequence[Notice] = ()
    saving: bool = False
    expected: Expectation | None = None

    @property
    def instance(self) -> Instance | None:
        """The one that is kept."""
        return self.instances[0] if self.instances else None


def wants_survey(binder: Binder) -> bool:
    """Whether the cloud has to be listed before planning."""
    return not (binder.target != Target.GONE and (is_unresolved(binder) or needs_order(binder)))


def wants_report(binder: Binder) -> bool:
    """Whether the instance's own report should be read before planning."""
    is_at_work = binder.target != Target.GONE and binder.status in {Status.BOOTING, Status.BUILDING}
    return is_at_work and not needs_order(binder)


def wants_answer(binder: Binder) -> bool:
    """Whether to find out before planning if the server answers."""
    if binder.target == Target.GONE or binder.is_warm:  # nothing answers at an instance that waits
        return False
    return wants_report(binder) or binder.status == Status.UNSHELVING


def wants_look(binder: Binder, now: float, timeouts: Timeouts) -> bool:
    """Whether the server should be asked about its use: now and then, and before the binder ends idle."""
    if binder.target == Target.GONE or binder.status != Status.READY:
        return False
    next_end = deadlines.upcoming(binder)
    idle_at = next_end.at if next_end is not None and next_end.reason == Reason.IDLE else None
    ends_idle = idle_at is not None and binder.looked_at < idle_at <= now
    return ends_idle or now - binder.looked_at >= timeouts.look


def is_unresolved(binder: Binder) -> bool:
    """Whether its repository still has to be looked up."""
    return binder.status == Status.REQUESTED and binder.resolved_at is None


def needs_order(binder: Binder) -> bool:
    """Whether a launch took a warm instance that is not told so yet. Nothing has to be observed for that."""
    is_booting = binder.target != Target.GONE and binder.status == Status.BOOTING
    return is_booting and binder.instance_id is not None and binder.ordered_at is None
