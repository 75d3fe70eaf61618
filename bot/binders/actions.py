"""The vocabulary of the reconciler: what was seen, what may be done next, and what changes by it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.binders.deadlines import DueNotice, WarningPolicy
from bot.provisioning.base import Instance, Report
from storage.models import Activity, Binder, Ending, MessageKind, Notice, Outcome, Status, Target

BACKOFF_SECONDS = (2.0, 5.0, 15.0, 30.0, 60.0)
"""How long to wait after the first, second, … failed try of a step; the last one for all further tries."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How patient the bot is with one cloud, in seconds, and how it ends what nobody needs.

    Attributes:
        poll: Between two looks while an instance is being made or built.
        ready_poll: Between two looks at a ready binder.
        attempt: How long a `create` whose answer was lost may still bring an instance forth.
        missing: Between the two sightings that make an absence believed.
        boot: Until an instance has an address and reports for the first time.
        build: From the first report until the server answers.
        capacity: How long a launch waits for room.
        look: Between two questions to a ready server about its use.
        count: Between two counts of the files that were changed in it.
        policy: When people are warned.
        shelves_idle: Whether what lies idle is put away instead of torn down.
        shelved: How long what was put away is kept.
        saves_expired: Whether the changes in a binder whose time is over are saved to its thread.
        failed: How long a failed launch waits for somebody who wants to look at it; 0 for not at all.
        replacements: How many broken instances of one binder are replaced.
    """

    poll: float
    ready_poll: float
    attempt: float
    missing: float
    boot: float
    build: float
    capacity: float
    look: float = 120.0
    count: float = 120.0
    policy: WarningPolicy = field(default_factory=WarningPolicy)
    shelves_idle: bool = False
    shelved: float = 7 * 86_400.0
    saves_expired: bool = True
    failed: float = 0.0
    replacements: int = 1


@dataclass(frozen=True, slots=True)
class ObservedUse:
    """What a ready server told of its use; where it was not asked, or did not answer, there is none of it.

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
        known: Whether the cloud answered. Where it did not, nothing may be concluded: unknown means alive.
        instances: Its instances: the one in its row first, then the oldest.
        leftovers: Whether anything at all of it is in the cloud.
        report: What the inside of the instance said last.
        answers: Whether its server answers over HTTP.
        use: What its server told of its use, where it was asked.
        notices: All warnings that it was given.
        saving: Whether its changes are still on their way to the thread.
    """

    known: bool = True
    instances: tuple[Instance, ...] = ()
    leftovers: bool = False
    report: Report | None = None
    answers: bool = False
    use: ObservedUse | None = None
    notices: Sequence[Notice] = ()
    saving: bool = False

    @property
    def instance(self) -> Instance | None:
        """The one that is kept."""
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
class Shelve:
    """Take a step of putting the instance away."""


@dataclass(frozen=True, slots=True)
class Unshelve:
    """Ask for the instance back, or find out what became of asking."""


@dataclass(frozen=True, slots=True)
class MarkEnd:
    """Mark the instance with when its binder ends now, for `recover`; and look again in so many seconds."""

    next_in: float


@dataclass(frozen=True, slots=True)
class Prune:
    """Delete every instance but this one: a lost reply may have left a twin."""

    keep: str


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
        warns: A notice that is due.
        settles: What became of open notices.
        settled: The ids of those; None for all that are open.
    """

    changes: Mapping[str, Any] = field(default_factory=dict)
    next_in: float = 0.0
    says: tuple[MessageKind, ...] = ()
    card: bool | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    warns: DueNotice | None = None
    settles: Outcome | None = None
    settled: tuple[int, ...] | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether nothing changes but the time of the next look."""
        return self == Save(next_in=self.next_in)


Step = Resolve | Create | Expose | Announce | Shelve | Unshelve | MarkEnd | Prune | Remove | Save


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
    return Save(whole, says=says, card=True, settles=Outcome.OVER)


def missing(
    binder: Binder, now: float, rules: Timeouts, sentence: str, ending: Ending = Ending.FAILED
) -> Save:
    """Believe an absence only when it is seen for the second time, a while after the first."""
    if binder.missing_since is None:
        return Save({"missing_since": now}, next_in=rules.missing)
    if now - binder.missing_since < rules.missing:
        return Save(next_in=rules.poll)
    return fail(now, sentence, ending=ending)


def fault(instance: Instance) -> str:
    """Why an instance is broken, as a sentence."""
    return f"The cloud could not run the instance: {instance.fault.rstrip('.') or 'it gave no reason'}."
